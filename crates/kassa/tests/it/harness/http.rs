//! Requests to a gateway that may be down: every failure is an answer here, and every answer is kept.

use kassa::outbound::{Client, Failure, Options, Reach, Request, Trust};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use scraper::{Html, Selector};
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use url::Url;

/// A client. Clones share what is kept.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: Client,
    kept: Option<Arc<Mutex<Vec<String>>>>,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) url: Url,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) text: String,
}

impl Http {
    pub(crate) fn new() -> Self {
        Self::with_trust(Trust::Public)
    }

    /// A client that trusts the authority in this PEM and no other.
    pub(crate) fn trusting(pem: &str) -> Self {
        Self::with_trust(Trust::Only(vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()]))
    }

    fn with_trust(trust: Trust) -> Self {
        let total_timeout = Duration::from_secs(40);
        let options = Options { total_timeout, body_limit: 1 << 20, trust, ..Options::default() };
        Self { client: Client::new(options).unwrap(), kept: None }
    }

    /// A client that keeps every answer, headers and all.
    pub(crate) fn keeping() -> Self {
        Self { kept: Some(Arc::default()), ..Self::new() }
    }

    /// Every answer so far.
    pub(crate) fn kept(&self) -> Vec<String> {
        self.kept.as_ref().map(|kept| kept.lock().unwrap().clone()).unwrap_or_default()
    }

    /// One request, no redirects.
    pub(crate) async fn send(
        &self,
        method: &str,
        url: &str,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> Result<Reply, Failure> {
        let url = Url::parse(url).unwrap();
        let request = Request {
            method: method.parse().unwrap(),
            url: url.clone(),
            headers: headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
            body: body.as_bytes().to_vec(),
        };
        let answer = self.client.send(request, &Reach::Anywhere).await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        if let Some(kept) = &self.kept {
            kept.lock().unwrap().push(format!("{} {:?}\n\n{text}", answer.status, answer.headers));
        }
        Ok(Reply { status: answer.status, url, headers: answer.headers, text })
    }

    /// A call of the API.
    pub(crate) async fn call(
        &self,
        method: &str,
        url: &str,
        key: &str,
        body: &str,
    ) -> Result<Reply, Failure> {
        self.send(method, url, &[("api_key", key)], body).await
    }

    /// Opens a page.
    pub(crate) async fn open(&self, url: &str) -> Result<Reply, Failure> {
        self.follow(self.send("GET", url, &[], "").await?).await
    }

    /// Submits the form of a page.
    pub(crate) async fn submit(&self, page: &Reply, fields: &[(&str, &str)]) -> Result<Reply, Failure> {
        let target = page.url.join(&page.action()).unwrap();
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        self.follow(self.send("POST", target.as_str(), &form, &body).await?).await
    }

    /// Follows redirects until a page, or the door of the shop.
    async fn follow(&self, mut reply: Reply) -> Result<Reply, Failure> {
        for _ in 0..20 {
            let Some(target) = reply.location() else { return Ok(reply) };
            if target.origin() != reply.url.origin() {
                return Ok(reply);
            }
            reply = self.send("GET", target.as_str(), &[], "").await?;
        }
        panic!("too many redirects: {reply:?}");
    }
}

impl Reply {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// Where a redirect leads.
    pub(crate) fn location(&self) -> Option<Url> {
        let target = self.headers.get("location")?;
        Some(self.url.join(target.to_str().unwrap()).unwrap())
    }

    /// An attribute of the first such element of a page.
    pub(crate) fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let document = Html::parse_document(&self.text);
        let element = document.select(&Selector::parse(selector).unwrap()).next()?;
        element.value().attr(name).map(str::to_owned)
    }

    pub(crate) fn has(&self, selector: &str) -> bool {
        let document = Html::parse_document(&self.text);
        document.select(&Selector::parse(selector).unwrap()).next().is_some()
    }

    fn action(&self) -> String {
        self.attribute("form[method=post]", "action").unwrap_or_else(|| panic!("no form in {self:?}"))
    }

    /// The gateway's word for how the payment ended.
    pub(crate) fn outcome(&self) -> Option<String> {
        let word = self.headers.get("kassa-outcome").map(|word| word.to_str().unwrap().to_owned());
        word.or_else(|| self.attribute("main[data-outcome]", "data-outcome"))
    }
}
