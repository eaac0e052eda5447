//! Where traces go, and how many.

use std::fmt;

use hyper::header::{HeaderName, HeaderValue};
use url::Url;

/// What an operator decided about traces.
#[derive(Debug, Clone, PartialEq)]
pub struct Traces {
    /// The collector, by OTLP over HTTP; without it nothing is traced.
    pub url: Option<Url>,
    /// A header that the collector wants to see.
    pub header: Option<Header>,
    /// What part of the traces is sent, from 0 to 1.
    pub ratio: f64,
}

impl Default for Traces {
    fn default() -> Self {
        Self { url: None, header: None, ratio: 1.0 }
    }
}

/// A header, usually with a password. It prints without its value.
#[derive(Clone, PartialEq)]
pub struct Header {
    pub(crate) name: HeaderName,
    pub(crate) value: HeaderValue,
}

impl Header {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || "must be a name and a value, like Authorization: Bearer a-token".to_owned();
        let (name, value) = text.split_once(':').ok_or_else(wrong)?;
        let name = name.trim().parse().map_err(|_| wrong())?;
        let value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
        if value.to_str().is_err() || value.is_empty() {
            return Err(wrong());
        }
        Ok(Self { name, value })
    }
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({}: …)", self.name)
    }
}

pub(super) fn url(text: &str) -> Result<Url, String> {
    let url =
        Url::parse(text).map_err(|_| "must be a URL like http://localhost:4318/v1/traces".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must start with http:// or https://".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not have a user name or password; traces_header can".to_owned());
    }
    Ok(url)
}

pub(super) fn ratio(text: &str) -> Result<f64, String> {
    let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
    ratio.ok_or_else(|| "must be a number from 0 to 1".to_owned())
}
