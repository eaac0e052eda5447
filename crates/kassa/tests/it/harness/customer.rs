//! A customer without JavaScript: opens pages, fills in forms, follows redirects while they stay here.

use super::Gateway;
use kassa::outbound::{Client, Reach, Request};
use scraper::{Html, Selector};
use url::Url;

/// What the customer sees, or where the shop's page would be opened.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) url: Url,
    pub(crate) html: String,
    /// The `Kassa-Outcome` of the answer.
    pub(crate) outcome: Option<String>,
    pub(crate) headers: axum::http::HeaderMap,
}

/// A customer of one gateway.
pub(crate) struct Customer<'a> {
    gateway: &'a Gateway,
    client: Client,
}

impl<'a> Customer<'a> {
    pub(crate) fn new(gateway: &'a Gateway, client: Client) -> Self {
        Self { gateway, client }
    }

    /// Opens an address and follows redirects until a page of this gateway, or an address of the shop.
    pub(crate) async fn open(&self, url: &str) -> Page {
        self.follow("GET", Url::parse(&self.absolute(url)).unwrap(), String::new()).await
    }

    /// Submits a form's fields to an address.
    pub(crate) async fn submit(&self, url: &str, fields: &[(&str, &str)]) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.follow("POST", Url::parse(&self.absolute(url)).unwrap(), body).await
    }

    /// Opens the payment page and submits this card.
    pub(crate) async fn pay_with(&self, payment_url: &str, card: &str) -> Page {
        let page = self.open(payment_url).await;
        let cvc = if card.starts_with('3') { "1234" } else { "123" };
        let fields = [
            ("card_number", card),
            ("card_holder", "A. Customer"),
            ("card_expiry", "12/35"),
            ("card_cvc", cvc),
        ];
        self.submit(&page.action(), &fields).await
    }

    /// Answers the issuer's page.
    pub(crate) async fn answer(&self, challenge: &Page, outcome: &str) -> Page {
        assert!(challenge.has("select[name=transStatus]"), "a challenge was expected: {challenge:?}");
        self.submit(&challenge.action(), &[("transStatus", outcome)]).await
    }

    /// Pays with a card and confirms with the issuer.
    pub(crate) async fn pay(&self, payment_url: &str, card: &str) -> Page {
        let page = self.pay_with(payment_url, card).await;
        if page.has("select[name=transStatus]") { self.answer(&page, "Y").await } else { page }
    }

    /// Looks again, as the page that checks a payment does by itself, until it says how the payment ended.
    pub(crate) async fn look_again(&self, mut page: Page) -> Page {
        for _ in 0..1_000 {
            if page.outcome.is_some() {
                return page;
            }
            self.gateway.work().await;
            page = self.open(page.url.as_str()).await;
        }
        panic!("the payment never ends: {page:?}");
    }

    fn absolute(&self, url: &str) -> String {
        if url.starts_with('/') { format!("{}{url}", self.gateway.url) } else { url.to_owned() }
    }

    async fn follow(&self, method: &str, url: Url, body: String) -> Page {
        let mut page = self.send(method, url, body).await;
        for _ in 0..20 {
            let Some(target) = page.next() else { return page };
            let target = page.url.join(&target).unwrap();
            if !target.as_str().starts_with(&self.gateway.url) {
                return Page { url: target, ..page };
            }
            page = self.send("GET", target, String::new()).await;
        }
        panic!("too many redirects: {page:?}");
    }

    /// Sends one request. What is due is done meanwhile, as the workers of `kassa serve` do.
    async fn send(&self, method: &str, url: Url, body: String) -> Page {
        let headers = match method {
            "POST" => vec![("Content-Type", "application/x-www-form-urlencoded".to_owned())],
            _ => Vec::new(),
        };
        let request =
            Request { method: method.parse().unwrap(), url: url.clone(), headers, body: body.into_bytes() };
        let mut sent = std::pin::pin!(self.client.send(request, &Reach::Anywhere));
        let answer = loop {
            let pause = tokio::time::sleep(std::time::Duration::from_millis(5));
            tokio::select! {
                answer = &mut sent => break answer.unwrap(),
                () = pause => {}
            }
            // Outside of the select: a claim that is dropped half-way waits for its lease.
            self.gateway.work().await;
        };
        let outcome = answer.headers.get("kassa-outcome").map(|value| value.to_str().unwrap().to_owned());
        let html = String::from_utf8(answer.body).unwrap();
        Page { status: answer.status, url, html, outcome, headers: answer.headers }
    }
}

impl Page {
    /// Where a browser goes on to at once: by a redirect, or by a page that only passes on.
    fn next(&self) -> Option<String> {
        if let Some(location) = self.headers.get("location") {
            return Some(location.to_str().unwrap().to_owned());
        }
        let document = Html::parse_document(&self.html);
        let refresh = Selector::parse("meta[http-equiv=refresh]").unwrap();
        let content = document.select(&refresh).next()?.value().attr("content")?.to_owned();
        content.strip_prefix("0;url=").map(str::to_owned)
    }

    /// Whether an element is on the page.
    pub(crate) fn has(&self, selector: &str) -> bool {
        Html::parse_document(&self.html).select(&Selector::parse(selector).unwrap()).next().is_some()
    }

    /// The text of the first such element.
    pub(crate) fn text(&self, selector: &str) -> String {
        let document = Html::parse_document(&self.html);
        let found = document.select(&Selector::parse(selector).unwrap()).next();
        let text: String = found.unwrap_or_else(|| panic!("no {selector} in {self:?}")).text().collect();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// An attribute of the first such element.
    pub(crate) fn attribute(&self, selector: &str, name: &str) -> String {
        let document = Html::parse_document(&self.html);
        let found = document.select(&Selector::parse(selector).unwrap()).next();
        let element = found.unwrap_or_else(|| panic!("no {selector} in {self:?}"));
        element.value().attr(name).unwrap_or_else(|| panic!("{selector} has no {name}")).to_owned()
    }

    /// Where the page's form is submitted to.
    pub(crate) fn action(&self) -> String {
        self.attribute("form[method=post]", "action")
    }

    /// How the payment ended, on a page that says so.
    pub(crate) fn ending(&self) -> String {
        self.attribute("main[data-outcome]", "data-outcome")
    }
}
