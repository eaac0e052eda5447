//! The customer's way through the pages, until a result or the shop's door.

use std::time::Duration;

use anyhow::{Context as _, bail};
use hyper::Method;
use hyper::header::{HeaderMap, LOCATION, SET_COOKIE};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::time::Instant;
use url::{Origin, Url};

use super::page::{Form, Page};
use super::report::{Mask, Report, Step};
use super::{Outcome, Pay};
use crate::outbound::{Answer, Client, Options, Reach, Request, Trust};

const REDIRECTS_MAX: usize = 20;
const CHALLENGES_MAX: usize = 5;
/// For a result that is being checked we ask this often and this long.
const CHECKS_MAX: usize = 100;
const CHECKING_MAX: Duration = Duration::from_secs(60);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// The response header with which the gateway sends the customer on.
const OUTCOME_HEADER: &str = "kassa-outcome";

/// Plays the customer until the payment has a result.
///
/// # Errors
/// When a request fails, or a page is none that a customer can pay on.
pub async fn play(pay: Pay) -> anyhow::Result<Report> {
    let client = Client::new(Options {
        // A page may wait for the acquirer and the shop, and be longer than a shop's "OK".
        total_timeout: Duration::from_secs(60),
        body_limit: 1024 * 1024,
        trust: trust(&pay)?,
        ..Options::default()
    })?;
    let mut call = Call::get("open page", pay.payment_url.clone());
    let mut customer = Customer::new(client, pay);
    loop {
        let answer = customer.send(&call).await?;
        match customer.decide(call, &answer)? {
            Next::Call(next) => call = next,
            Next::CallAfter(pause, next) => {
                tokio::time::sleep(pause).await;
                call = next;
            }
            Next::End(report) => return Ok(report),
        }
    }
}

/// Whose certificates this customer accepts.
fn trust(pay: &Pay) -> anyhow::Result<Trust> {
    if pay.insecure {
        return Ok(Trust::Anything);
    }
    let Some(path) = &pay.ca else { return Ok(Trust::Public) };
    let authorities: Vec<_> = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .with_context(|| format!("reading the certificates in {}", path.display()))?;
    if authorities.is_empty() {
        bail!("there is no certificate in {}", path.display());
    }
    Ok(Trust::Only(authorities))
}

struct Customer {
    client: Client,
    origin: Origin,
    card: String,
    holder: String,
    expiry: String,
    cvc: String,
    outcome: Outcome,
    mask: Mask,
    cookies: Vec<(String, String)>,
    /// The last word of [`OUTCOME_HEADER`].
    announced: Option<String>,
    steps: Vec<Step>,
    redirects: usize,
    challenges: usize,
    checks: usize,
    checking_since: Option<Instant>,
    card_was_submitted: bool,
}

struct Call {
    step: &'static str,
    method: Method,
    url: Url,
    body: String,
}

impl Call {
    fn get(step: &'static str, url: Url) -> Self {
        Call { step, method: Method::GET, url, body: String::new() }
    }
}

enum Next {
    Call(Call),
    CallAfter(Duration, Call),
    End(Report),
}

impl Customer {
    fn new(client: Client, pay: Pay) -> Self {
        Customer {
            client,
            origin: pay.payment_url.origin(),
            mask: Mask::new(&pay.card, &pay.cvc),
            card: pay.card,
            holder: pay.holder,
            expiry: pay.expiry,
            cvc: pay.cvc,
            outcome: pay.outcome,
            cookies: Vec::new(),
            announced: None,
            steps: Vec::new(),
            redirects: 0,
            challenges: 0,
            checks: 0,
            checking_since: None,
            card_was_submitted: false,
        }
    }

    async fn send(&mut self, call: &Call) -> anyhow::Result<Answer> {
        let mut headers = vec![("Accept", "text/html".to_owned())];
        if call.method == Method::POST {
            headers.push(("Content-Type", "application/x-www-form-urlencoded".to_owned()));
            headers.push(("Origin", self.origin.ascii_serialization()));
        }
        if !self.cookies.is_empty() {
            let cookies: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            headers.push(("Cookie", cookies.join("; ")));
        }
        let (method, url) = (call.method.clone(), call.url.clone());
        let request = Request { method, url, headers, body: call.body.clone().into_bytes() };
        let url = self.mask.number(call.url.as_str());
        let answer = self
            .client
            .send(request, &Reach::Anywhere)
            .await
            .with_context(|| format!("{} {url}", call.method))?;

        self.steps.push(Step {
            step: call.step,
            method: call.method.to_string(),
            url,
            status: answer.status,
        });
        self.keep_cookies(&answer.headers);
        if let Some(word) = outcome_header(&answer.headers) {
            self.announced = Some(word);
        }
        Ok(answer)
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            self.cookies.retain(|(kept, _)| kept != name.trim());
            let is_removed =
                attributes.split(';').any(|attribute| attribute.trim().eq_ignore_ascii_case("max-age=0"));
            if !is_removed {
                self.cookies.push((name.trim().to_owned(), value.trim().to_owned()));
            }
        }
    }

    /// What to do with an answer. A result comes first, then whatever asks the customer for something.
    fn decide(&mut self, call: Call, answer: &Answer) -> anyhow::Result<Next> {
        if matches!(answer.status, 301 | 302 | 303 | 307 | 308) {
            return self.follow(call, answer);
        }
        self.redirects = 0;
        let here = call.url;
        let page = Page::read(&String::from_utf8_lossy(&answer.body));
        let target = page.refresh.as_ref().map(|(_, target)| target).or(page.onward.as_ref());
        let target =
            target.map(|target| here.join(target)).transpose().context("the page leads to no valid url")?;
        let away = target.as_ref().filter(|target| target.origin() != self.origin);

        if let Some(shown) = &page.outcome {
            // The header says more than the page: whoever pays is not told that the payment is held.
            let outcome = outcome_header(&answer.headers).unwrap_or_else(|| shown.clone());
            return Ok(self.end(&outcome, away.unwrap_or(&here), &page.messages));
        }
        if let Some(form) = page.challenge {
            return self.answer_challenge(form, &here);
        }
        if let Some(form) = page.card {
            if self.card_was_submitted {
                let outcome = if page.field_is_invalid { "rejected" } else { "declined" };
                return Ok(self.end(outcome, &here, &page.messages));
            }
            return self.submit_card(form, &here);
        }
        if let Some(form) = page.relay {
            return Ok(Next::Call(self.submit("pass on 3-D Secure message", &form, &here)?));
        }
        if let Some(away) = away {
            return Ok(self.leave(away));
        }
        if let Some(target) = target {
            let pause = Duration::from_secs(page.refresh.map_or(0, |(seconds, _)| seconds)).min(PAUSE_MAX);
            return Ok(self.check_again(pause, &here, target));
        }
        // A shop on the gateway's own origin, as in a trial on one machine.
        if self.announced.is_some() {
            return Ok(self.leave(&here));
        }
        bail!("not a payment page: {} (status {})", self.mask.number(here.as_str()), answer.status)
    }

    fn follow(&mut self, call: Call, answer: &Answer) -> anyhow::Result<Next> {
        let location =
            answer.headers.get(LOCATION).and_then(|value| std::str::from_utf8(value.as_bytes()).ok());
        let location = location.context("a redirect without a target")?;
        let url = call.url.join(location).context("a redirect to no valid url")?;
        if url.origin() != self.origin {
            return Ok(self.leave(&url));
        }
        self.redirects += 1;
        if self.redirects > REDIRECTS_MAX {
            bail!("more than {REDIRECTS_MAX} redirects in a row");
        }
        let step = "follow redirect";
        let keeps_method = matches!(answer.status, 307 | 308);
        Ok(Next::Call(if keeps_method { Call { step, url, ..call } } else { Call::get(step, url) }))
    }

    fn submit_card(&mut self, mut form: Form, here: &Url) -> anyhow::Result<Next> {
        if !form.is_post {
            bail!("the card form would put the card into a url");
        }
        for (token, value) in [
            ("cc-number", &self.card),
            ("cc-name", &self.holder),
            ("cc-exp", &self.expiry),
            ("cc-csc", &self.cvc),
        ] {
            form.fill(token, value);
        }
        self.card_was_submitted = true;
        Ok(Next::Call(self.submit("submit card", &form, here)?))
    }

    fn answer_challenge(&mut self, mut form: Form, here: &Url) -> anyhow::Result<Next> {
        self.challenges += 1;
        if self.challenges > CHALLENGES_MAX {
            bail!("the 3-D Secure challenge came more than {CHALLENGES_MAX} times");
        }
        let outcome = self.outcome.as_str();
        if !form.choose("transStatus", outcome) {
            bail!("the 3-D Secure challenge does not offer {outcome}");
        }
        Ok(Next::Call(self.submit("answer challenge", &form, here)?))
    }

    /// Never to another origin: what is in a form is meant for the one that showed it.
    fn submit(&self, step: &'static str, form: &Form, here: &Url) -> anyhow::Result<Call> {
        let mut url = here.join(&form.action).context("a form without a valid target")?;
        if url.origin() != self.origin {
            bail!("a form leads to another origin: {}", url.origin().ascii_serialization());
        }
        if form.is_post {
            return Ok(Call { step, method: Method::POST, url, body: form.urlencoded() });
        }
        url.set_query(Some(&form.urlencoded()));
        Ok(Call::get(step, url))
    }

    fn check_again(&mut self, pause: Duration, here: &Url, target: Url) -> Next {
        self.checks += 1;
        let since = *self.checking_since.get_or_insert_with(Instant::now);
        if self.checks > CHECKS_MAX || since.elapsed() + pause > CHECKING_MAX {
            return self.end("pending", here, &["the result is still being checked".to_owned()]);
        }
        Next::CallAfter(pause, Call::get("check again", target))
    }

    /// The customer is sent on; only the gateway's own word says with what.
    fn leave(&mut self, target: &Url) -> Next {
        match self.announced.take() {
            Some(outcome) => self.end(&outcome, target, &[]),
            None => self.end("unknown", target, &["sent on without an outcome".to_owned()]),
        }
    }

    fn end(&mut self, outcome: &str, final_url: &Url, messages: &[String]) -> Next {
        Next::End(Report {
            paid: outcome == "paid",
            outcome: self.mask.all(outcome),
            final_url: self.mask.number(final_url.as_str()),
            steps: std::mem::take(&mut self.steps),
            messages: messages.iter().map(|message| self.mask.all(message)).collect(),
        })
    }
}

/// The gateway's word for how the payment ended, in the answer that ends it.
fn outcome_header(headers: &HeaderMap) -> Option<String> {
    Some(headers.get(OUTCOME_HEADER)?.to_str().ok()?.trim().to_ascii_lowercase())
}
