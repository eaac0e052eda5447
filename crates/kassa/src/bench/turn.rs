//! What a client of the gateway does again and again: one turn is what is counted and timed.

use super::connection::{Answer, Connection};
use super::shop::Shop;
use anyhow::{Context as _, bail, ensure};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A Maestro card that its issuer accepts without asking its holder.
const CARD: &str = "6799993000000001008";
/// How long a turn waits for the shop to be told.
const PATIENCE: Duration = Duration::from_secs(30);
/// Redirects and pages of one payment, at most.
const STEPS_MAX: usize = 12;
/// What a form's value needs not escape.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Workload {
    /// Placing an order.
    Create,
    /// Reading an order.
    Get,
    /// Order, page, card, 3-D Secure, authorisation, notification acknowledged, order read.
    Payment,
    /// Asking for a notification until the shop has it.
    Notify,
}

impl Workload {
    pub(super) const ALL: [Self; 4] = [Self::Create, Self::Get, Self::Payment, Self::Notify];

    /// As it is written in a report.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Get => "get",
            Self::Payment => "payment",
            Self::Notify => "notify",
        }
    }
}

/// Whom a client talks to, and as whom.
#[derive(Clone, Debug)]
pub(super) struct Gateway {
    pub(super) at: SocketAddr,
    pub(super) key: String,
    pub(super) shop: Shop,
    /// Ids of orders that are there to be read.
    pub(super) known: Vec<String>,
    /// The number of the shop's next order.
    pub(super) next: Arc<AtomicU64>,
}

/// One client with its connection.
#[derive(Debug)]
pub(super) struct Client {
    gateway: Gateway,
    connection: Connection,
    workload: Workload,
    /// What the ids of the shop's orders start with.
    name: String,
    turns: usize,
    request: String,
    /// A paid order, for [`Workload::Notify`].
    paid: Option<String>,
}

impl Client {
    /// A client of a shop; no other shop's orders are called by this name.
    pub(super) async fn new(gateway: Gateway, workload: Workload, name: String) -> anyhow::Result<Self> {
        let connection = Connection::open(gateway.at).await?;
        let request = String::with_capacity(4_096);
        let mut client = Self { gateway, connection, workload, name, turns: 0, request, paid: None };
        if workload == Workload::Notify {
            client.paid = Some(client.pay().await?);
        }
        Ok(client)
    }

    /// One turn.
    pub(super) async fn turn(&mut self) -> anyhow::Result<()> {
        match self.workload {
            Workload::Create => self.create().await.map(|_| ()),
            Workload::Get => self.get_known().await,
            Workload::Payment => {
                let order = self.pay().await?;
                let read = self.get(&order).await?;
                ensure!(read.contains("\"status\":\"completed\""), "order {order} is not paid: {read}");
                Ok(())
            }
            Workload::Notify => self.be_told().await,
        }
    }

    /// Places an order; its id and where it is paid.
    async fn create(&mut self) -> anyhow::Result<(String, String)> {
        self.turns = self.turns.wrapping_add(1);
        // Shops count their orders: the next id is the neighbour of the last.
        let order = format!("{}-{:07}", self.name, self.gateway.next.fetch_add(1, Ordering::Relaxed));
        let shop = self.gateway.shop.at;
        let body = format!(
            r#"{{"type":"redirect","order_id":"{order}","gateway":"MAESTRO","currency":"EUR","amount":{},"description":"Order {order} of a webshop","payment_options":{{"notification_url":"http://{shop}/notify?type=notification","redirect_url":"http://{shop}/thanks?type=redirect","cancel_url":"http://{shop}/cart?type=cancel","close_window":true}},"customer":{{"locale":"nl_NL","ip_address":"123.123.123.123","first_name":"Simon","last_name":"Smit","address1":"Kraanspoor","house_number":"39C","zip_code":"1033SC","city":"Amsterdam","country":"NL","phone":"0208500500","email":"simon.smit@example.com","user_agent":"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36","referrer":"https://shop.example.com/cart"}},"second_chance":{{"send_email":false}},"plugin":{{"shop":"WooCommerce","shop_version":"9.1.2","plugin_version":"6.6.2","partner":"","shop_root_url":"https://shop.example.com"}}}}"#,
            1_000 + self.turns % 9_000
        );
        self.request("POST", "/v1/json/orders", "application/json", &[], &body);
        let answer = self.connection.send(self.request.as_bytes()).await?;
        ensure!(answer.status == 200, "an order was answered {}: {}", answer.status, answer.body);
        let (_, url) =
            answer.body.split_once("\"payment_url\":\"").context("an order without a payment_url")?;
        let (url, _) = url.split_once('"').context("a payment_url without an end")?;
        let path = path_of(&url.replace("\\/", "/")).to_owned();
        Ok((order, path))
    }

    async fn get_known(&mut self) -> anyhow::Result<()> {
        self.turns = self.turns.wrapping_add(1);
        // A stride that is coprime to most lengths visits them in no order.
        let at =
            self.turns.wrapping_mul(7_919).wrapping_add(self.name.len()) % self.gateway.known.len().max(1);
        let order = self.gateway.known.get(at).context("there is no order to read")?.clone();
        self.get(&order).await.map(|_| ())
    }

    async fn get(&mut self, order: &str) -> anyhow::Result<String> {
        self.request("GET", &format!("/v1/json/orders/{order}"), "application/json", &[], "");
        let answer = self.connection.send(self.request.as_bytes()).await?;
        ensure!(answer.status == 200, "order {order} was answered {}: {}", answer.status, answer.body);
        Ok(answer.body)
    }

    /// Pays an order and waits until the shop is told; its id.
    async fn pay(&mut self) -> anyhow::Result<String> {
        let (order, url) = self.create().await?;
        let told = self.gateway.shop.next_news_of(&order);
        let mut cookies = Vec::new();
        let mut answer = self.open(&url, &mut cookies).await?;
        let mut here = url;
        for _ in 0..STEPS_MAX {
            if let Some(outcome) = &answer.outcome {
                ensure!(outcome == "paid", "order {order} ended {outcome}");
                tokio::time::timeout(PATIENCE, told).await.context("the shop was not told in time")??;
                return Ok(order);
            }
            if let Some(next) = answer.location.clone().or_else(|| refresh_of(&answer.body)) {
                here = path_of(&next).to_owned();
                answer = self.open(&here, &mut cookies).await?;
                continue;
            }
            let form = form_of(&answer.body)
                .with_context(|| format!("order {order}: {} and no form at {here}", answer.status))?;
            if let Some(action) = &form.action {
                here = path_of(action).to_owned();
            }
            self.request("POST", &here, "application/x-www-form-urlencoded", &cookies, &form.body);
            answer = self.connection.send(self.request.as_bytes()).await?;
            cookies.append(&mut answer.cookies);
        }
        bail!("order {order} was not paid in {STEPS_MAX} steps")
    }

    async fn open(&mut self, path: &str, cookies: &mut Vec<String>) -> anyhow::Result<Answer> {
        self.request("GET", path, "text/html", cookies, "");
        let mut answer = self.connection.send(self.request.as_bytes()).await?;
        cookies.append(&mut answer.cookies);
        Ok(answer)
    }

    async fn be_told(&mut self) -> anyhow::Result<()> {
        let order = self.paid.clone().context("nothing was paid")?;
        let told = self.gateway.shop.next_news_of(&order);
        self.request(
            "POST",
            &format!("/v1/json/orders/{order}/notifications/resend"),
            "application/json",
            &[],
            "{}",
        );
        let answer = self.connection.send(self.request.as_bytes()).await?;
        ensure!(answer.status == 200, "asking for news was answered {}: {}", answer.status, answer.body);
        tokio::time::timeout(PATIENCE, told).await.context("the shop was not told in time")??;
        Ok(())
    }

    /// Writes the next request.
    fn request(&mut self, method: &str, path: &str, content: &str, cookies: &[String], body: &str) {
        let (at, key) = (self.gateway.at, &self.gateway.key);
        self.request.clear();
        let _ = write!(
            self.request,
            "{method} {path} HTTP/1.1\r\nhost: {at}\r\napi_key: {key}\r\naccept: */*\r\ncontent-type: {content}\r\n\
             content-length: {}\r\n",
            body.len()
        );
        if method == "POST" && content.ends_with("urlencoded") {
            let _ = write!(self.request, "origin: http://{at}\r\n");
        }
        if !cookies.is_empty() {
            let _ = write!(self.request, "cookie: {}\r\n", cookies.join("; "));
        }
        let _ = write!(self.request, "\r\n{body}");
    }
}

/// A URL without its scheme and host.
fn path_of(url: &str) -> &str {
    let Some((_, rest)) = url.split_once("://") else { return url };
    rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
}

/// Where a page leads by itself.
fn refresh_of(page: &str) -> Option<String> {
    let (_, rest) = page.split_once("http-equiv=\"refresh\" content=\"")?;
    let (content, _) = rest.split_once('"')?;
    content.split_once("url=").map(|(_, url)| url.replace("&amp;", "&"))
}

/// A page's form as it is sent back.
#[derive(Debug, PartialEq, Eq)]
struct Form {
    action: Option<String>,
    body: String,
}

/// The first form that is posted, with its fields as they are and a card where one is asked for. It knows the pages
/// of Kassa and no others: a parser of HTML would cost more than the gateway.
fn form_of(page: &str) -> Option<Form> {
    let start = page.match_indices("<form").map(|(at, _)| at).find(|at| {
        let tag = page.get(*at..).and_then(|rest| rest.split('>').next()).unwrap_or_default();
        attribute(tag, "method").is_some_and(|method| method.eq_ignore_ascii_case("post"))
    })?;
    let form = page.get(start..)?.split("</form>").next()?;
    let action = attribute(form.split('>').next()?, "action");
    let mut body = String::new();
    for (at, _) in form.match_indices("<input") {
        let tag = form.get(at..).and_then(|rest| rest.split('>').next()).unwrap_or_default();
        let Some(name) = attribute(tag, "name") else { continue };
        let value = match attribute(tag, "autocomplete").as_deref() {
            Some("cc-number") => CARD.to_owned(),
            Some("cc-name") => "S Smit".to_owned(),
            Some("cc-exp") => "12/35".to_owned(),
            Some("cc-csc") => "123".to_owned(),
            _ => attribute(tag, "value").unwrap_or_default(),
        };
        let separator = if body.is_empty() { "" } else { "&" };
        let _ = write!(body, "{separator}{name}={}", utf8_percent_encode(&value, PLAIN));
    }
    Some(Form { action, body })
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&amp;", "&").replace("&quot;", "\"").replace("&#39;", "'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_sent_back_with_the_card_where_it_is_asked_for() {
        let page = "<form method=\"get\"><input name=\"x\"></form>\
                    <form id=\"f\" method=\"post\" action=\"/connect/s/?a=1&amp;b=2\">\
                    <input type=\"hidden\" name=\"token\" value=\"a b\">\
                    <input name=\"number\" autocomplete=\"cc-number\" value=\"\"></form>";
        let form = form_of(page).unwrap();
        assert_eq!(form.action.as_deref(), Some("/connect/s/?a=1&b=2"));
        assert_eq!(form.body, format!("token=a%20b&number={CARD}"));
    }

    #[test]
    fn a_page_that_waits_leads_on_by_itself() {
        let page = "<meta http-equiv=\"refresh\" content=\"0;url=/connect/s/return/1?a=b&amp;c=d\">";
        assert_eq!(refresh_of(page).as_deref(), Some("/connect/s/return/1?a=b&c=d"));
        assert_eq!(refresh_of("<p>"), None);
    }

    #[test]
    fn a_url_is_asked_for_by_its_path() {
        assert_eq!(path_of("http://127.0.0.1:80/a/b?c=d"), "/a/b?c=d");
        assert_eq!((path_of("/a"), path_of("http://host")), ("/a", "/"));
    }
}
