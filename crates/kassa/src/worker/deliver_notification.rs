//! Delivers a notification: the order's newest state, rendered and signed now, and what the shop made of it.

use crate::api::order_view;
use crate::app::App;
use crate::metrics::{self, Stage, Told};
use crate::notify::{self, Destination, sign, webhook};
use crate::outbound::{Answer, Failure, Reach, Request};
use crate::store::db::WriteError;
use crate::store::{Delivery, Heard, Next, Site};
use anyhow::Context as _;
use hyper::Method;
use payments::movement::Movement;
use payments::notify::is_acknowledged;
use payments::order::Order;
use payments::status;
use payments::time::{Millis, Timestamp};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};
use tracing::Instrument as _;

/// How long after its claim a delivery may still begin: the rest of the lease is for the shop's answer.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// After a time-out the shop may still be at work on what it was told: nothing newer for this long.
const QUIET: Millis = Millis::seconds(60);
/// How much of an answer the history keeps.
const ANSWER_KEPT: usize = 100;

/// Everything one delivery is made of.
struct Letter {
    site: Arc<Site>,
    order: Order,
    method: &'static str,
    /// For the history: without a query, in which shops keep tokens.
    url: String,
    key_id: i64,
    request: Request,
}

impl App {
    /// Delivers and records. When the record fails the lease runs out and it is delivered again.
    pub(super) async fn deliver(&self, delivery: Delivery) {
        let span = tracing::info_span!("notification", order.id = %delivery.order);
        let result = self.try_deliver(&delivery).instrument(span).await;
        if let Err(error) = result {
            tracing::error!(order.id = %delivery.order, error = format!("{error:#}"),
                "a notification could not be delivered for a reason of our own");
        }
        self.announce(delivery.site, &delivery.order);
    }

    async fn try_deliver(&self, delivery: &Delivery) -> anyhow::Result<()> {
        let Some(letter) = self.write_letter(delivery).await? else {
            return lapsed(self.store.drop_delivery(delivery, self.now()).await);
        };
        let started_at = self.now();
        let clock = tokio::time::Instant::now();
        // Whoever was held up this long would still be sending when the lease is somebody else's.
        if delivery.claimed_at.elapsed() > SEND_WITHIN {
            return Ok(());
        }
        let reach = if letter.site.live {
            Reach::Public { allowed: self.settings.notify_allow.clone() }
        } else {
            Reach::own_network(&self.settings.notify_allow)
        };
        let answer = self.outbound.send(letter.request, &reach).await;
        let (verdict, took) = (Verdict::of(&answer), clock.elapsed());
        metrics::took(Stage::Notify, took);
        let now = self.now();
        let heard = Heard {
            version: letter.order.version,
            method: letter.method,
            url: letter.url,
            started_at,
            duration_ms: i64::try_from(took.as_millis()).unwrap_or(i64::MAX),
            http_status: answer.as_ref().ok().map(|answer| answer.status),
            answer: answer.as_ref().map(printable).unwrap_or_default(),
            status: status::of_order(&letter.order).order,
            key_id: Some(letter.key_id),
            next: next(delivery, &letter.site, &verdict, retry_after(&answer, now), now),
            verdict: verdict.words,
        };
        metrics::told(match heard.next {
            Next::Nothing => Told::Acknowledged,
            Next::Retry { .. } => Told::Retried,
            Next::Park { .. } => Told::Parked,
        });
        tracing::info!(order.id = %delivery.order, version = heard.version, status = heard.status,
            try_ = delivery.tries + 1, http = heard.http_status, verdict = heard.verdict, "notification sent");
        lapsed(self.store.record_delivery(delivery, &heard, now).await)
    }

    /// What the shop is told now: the order as it stands, unless that means nothing to a shop that has not heard
    /// of the payment. Plugins only note that a part was refunded, or that an order was shipped, so the payment
    /// comes first, as of a version before the one that is wanted, which is due as soon as it is acknowledged.
    async fn first_to_tell(&self, order: Order, delivery: &Delivery) -> anyhow::Result<Order> {
        let follows = matches!(status::of_order(&order).order, "partial_refunded" | "shipped");
        if !follows || self.store.has_heard_of_payment(order.site, &order.id).await? {
            return Ok(order);
        }
        let modified_at = order.paid().map_or(order.modified_at, |paid| paid.modified_at);
        let mut before = Order { shipped_at: None, modified_at, ..order };
        before.version = delivery.version_wanted.saturating_sub(1);
        before.movements.retain(Movement::is_capture);
        Ok(before)
    }

    async fn write_letter(&self, delivery: &Delivery) -> anyhow::Result<Option<Letter>> {
        let site = self.store.site(delivery.site).await?.context("the order's site is gone")?;
        let order = self.store.load(delivery.site, &delivery.order).await?.context("the order is gone")?;
        let Some(Destination { url, get }) = notify::destination(&order, &site)? else {
            return Ok(None);
        };
        let order = if get { order } else { self.first_to_tell(order, delivery).await? };
        let key =
            self.store.valid_keys(site.id).await?.into_iter().next().context("the site has no valid key")?;
        let secret = self.open_key(&key)?;
        let seconds = self.now().unix_seconds();
        let address = notify::address(&url, &order.id, seconds, notify::is_pretransaction(&order))?;
        let mut headers = vec![
            ("Kassa-Event-Id", event_id(delivery, &order)),
            ("Kassa-Attempt", delivery.tries.saturating_add(1).to_string()),
            ("Kassa-Sequence", order.version.to_string()),
        ];
        let (method, body) = if get {
            (Method::GET, Vec::new())
        } else {
            let body = sign::canonical(&order_view::render(&order, &site.zone()?)?);
            headers.push(("Content-Type", "application/json".to_owned()));
            headers.push(("Auth", sign::auth_header(secret.expose(), seconds, &body)));
            let id = event_id(delivery, &order);
            let secrets =
                webhook::secrets(&self.store, &self.keys, &self.random, site.id, self.now()).await?;
            headers.push(("webhook-signature", webhook::signatures(&secrets, &id, seconds, &body)));
            headers.push(("webhook-timestamp", seconds.to_string()));
            headers.push(("webhook-id", id));
            (Method::POST, body.into_bytes())
        };
        let method_word = if get { "GET" } else { "POST" };
        let request = Request { method, url: address, headers, body };
        let url = url.split(['?', '#']).next().unwrap_or_default().to_owned();
        Ok(Some(Letter { site, order, method: method_word, url, key_id: key.id, request }))
    }
}

/// When somebody else holds the lease by now their record counts.
fn lapsed(recorded: Result<(), WriteError>) -> anyhow::Result<()> {
    match recorded {
        Ok(()) | Err(WriteError::Stale) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The same for every try of one piece of news. An order's version grows with what is no news as well, so it
/// is the version that the shop is to hear of, or that of what it hears first.
fn event_id(delivery: &Delivery, told: &Order) -> String {
    let Delivery { site, order, version_wanted, .. } = delivery;
    let version = (*version_wanted).min(told.version);
    let digest = Sha256::digest(format!("{site}:{version}:{order}"));
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What the shop made of it.
struct Verdict {
    acknowledged: bool,
    /// The shop may still be at work.
    timed_out: bool,
    words: String,
}

impl Verdict {
    fn of(answer: &Result<Answer, Failure>) -> Self {
        let (acknowledged, words) = match answer {
            Ok(answer) if is_acknowledged(answer.status, &String::from_utf8_lossy(&answer.body)) => {
                (true, "acknowledged".to_owned())
            }
            Ok(answer) if answer.status == 200 => {
                (false, "200 without OK in the first 100 characters".to_owned())
            }
            Ok(answer) => (false, format!("http status {}", answer.status)),
            Err(failure) => (false, failure.to_string()),
        };
        Self { acknowledged, timed_out: matches!(answer, Err(Failure::Timeout)), words }
    }
}

fn next(
    delivery: &Delivery,
    site: &Site,
    verdict: &Verdict,
    retry_after: Option<Millis>,
    now: Timestamp,
) -> Next {
    if verdict.acknowledged {
        return Next::Nothing;
    }
    let quiet_until = verdict.timed_out.then(|| now.plus(QUIET));
    let tries = delivery.tries.saturating_add(1);
    let Some(after) = site.profile.next_after(tries) else {
        return Next::Park { quiet_until };
    };
    // What was missed, while Kassa was down or the shop was slow, is not made up for in a burst.
    let gap = after.0 - site.profile.next_after(delivery.tries).map_or(0, |before| before.0);
    let left = delivery.first_at.plus(after).since(now).0;
    let step = if left > 0 { left } else { gap };
    // A shop may ask for more time, up to twice the step; nothing is ever sent early.
    let wait = retry_after.map_or(step, |asked| asked.0.clamp(step, step.saturating_mul(2)));
    let at = now.plus(Millis(wait));
    Next::Retry { at: quiet_until.map_or(at, |quiet| quiet.max(at)), quiet_until }
}

/// What the shop asks for: seconds, or a date.
fn retry_after(answer: &Result<Answer, Failure>, now: Timestamp) -> Option<Millis> {
    let value = answer.as_ref().ok()?.headers.get("retry-after")?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Millis::seconds(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let since_1970 = date.duration_since(UNIX_EPOCH).ok()?.as_millis();
    Some(Timestamp(i64::try_from(since_1970).ok()?).since(now))
}

fn printable(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    text.chars().map(|letter| if is_invisible(letter) { ' ' } else { letter }).take(ANSWER_KEPT).collect()
}

/// Control characters, and those that hide or turn around the text beside them on a screen.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
