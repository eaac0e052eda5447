//! What an operator decides about 3-D Secure: which directory server is asked, as whom, and how long everything may
//! take.

use crate::outbound;
use emv3ds::areq::ServerIdentity;
use payments::card::Brand;
use payments::time::Millis;
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

/// How long everything may take. The defaults are those of EMV 3DS 2.2.0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timers {
    /// How long a page waits for the 3DS Method.
    pub method: Duration,
    /// How long the directory server may take to answer a request.
    pub answer: Duration,
    /// How long a customer may take from the card to the end of the challenge. By default 12 minutes; at the built-in
    /// issuer, where testers take their time, as long as the payment itself.
    pub challenge: Option<Millis>,
    /// How long the result may take once the customer is back.
    pub result: Duration,
    /// How often the card ranges are asked for: at least daily, and never more than hourly.
    pub ranges: Millis,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            method: Duration::from_secs(10),
            answer: Duration::from_secs(10),
            challenge: None,
            result: Duration::from_secs(10),
            ranges: Millis::hours(12),
        }
    }
}

/// What an acquirer gave a shop, for the cards of one brand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acquiring {
    /// `acquirerBIN`.
    pub bin: String,
    /// `acquirerMerchantID`.
    pub merchant: String,
}

/// Who asks, as directory server and acquirers know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `threeDSServerRefNumber`.
    pub reference_number: String,
    /// `threeDSServerOperatorID`.
    pub operator_id: Option<String>,
    /// `threeDSRequestorID`; the site's number stands behind it.
    pub requestor_id: String,
    /// By brand; a brand that is not there is not authenticated.
    pub acquiring: BTreeMap<&'static str, Acquiring>,
    /// `mcc`.
    pub category_code: String,
    /// `merchantCountryCode` and `acquirerCountryCode`: ISO 3166-1, numeric.
    pub country: String,
}

impl Default for Identity {
    /// The built-in directory server takes anybody.
    fn default() -> Self {
        let acquiring = |brand: Brand| {
            (brand.id(), Acquiring { bin: "400000".to_owned(), merchant: "000000000000001".to_owned() })
        };
        Self {
            reference_number: "KASSA-TEST".to_owned(),
            operator_id: None,
            requestor_id: "KASSA".to_owned(),
            acquiring: Brand::ALL.into_iter().map(acquiring).collect(),
            category_code: "5999".to_owned(),
            country: "528".to_owned(),
        }
    }
}

impl Identity {
    /// The 3DS Server whose results arrive at `url`.
    pub(super) fn server(&self, url: String) -> ServerIdentity {
        ServerIdentity {
            reference_number: self.reference_number.clone(),
            operator_id: self.operator_id.clone(),
            url,
        }
    }
}

/// A directory server that is reached over HTTP.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Where it takes messages.
    pub url: Url,
    /// Who reaches it: with the certificate it knows us by.
    pub client: outbound::Client,
    /// The same for card ranges, of which there may be many.
    pub ranges_client: outbound::Client,
    /// As whom it knows us.
    pub identity: Identity,
    /// Whether it authenticates the customers of test sites as well.
    pub for_test_sites: bool,
}

/// What is decided about 3-D Secure.
#[derive(Clone, Debug, Default)]
pub struct Setup {
    /// How long everything may take.
    pub timers: Timers,
    /// Whether the challenge is shown in a frame of our page where there is room, and not as a page of its own.
    pub framed: bool,
    /// The directory server of live sites.
    pub directory: Option<Directory>,
}
