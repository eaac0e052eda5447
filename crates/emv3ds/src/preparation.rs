//! `PReq` and `PRes`: which cards take part, asked at least daily and at most hourly.

use crate::card_range::CardRange;
use crate::fields::Fields;
use crate::ids::TransId;
use crate::message::{MessageExtension, sealed};
use crate::values::{TwoDigits, YesNo};
use crate::version::{ProtocolVersion, Version, VersionSpan};
use serde::{Deserialize, Serialize};

/// The card ranges are asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PReq {
    /// `messageVersion`.
    #[serde(rename = "messageVersion")]
    pub version: Version,
    /// `threeDSServerTransID`.
    #[serde(rename = "threeDSServerTransID")]
    pub server_trans_id: TransId,
    /// `threeDSServerRefNumber`.
    #[serde(rename = "threeDSServerRefNumber")]
    pub reference_number: String,
    /// `threeDSServerOperatorID`.
    #[serde(rename = "threeDSServerOperatorID", skip_serializing_if = "Option::is_none")]
    pub operator_id: Option<String>,
    /// `serialNum` of the last answer: only what has changed since is wanted. Without it everything is.
    #[serde(rename = "serialNum", skip_serializing_if = "Option::is_none")]
    pub serial_num: Option<String>,
    /// `cardRangeDataDownloadInd` (2.3.1): the ranges may come as a file to be fetched.
    #[serde(rename = "cardRangeDataDownloadInd", skip_serializing_if = "Option::is_none")]
    pub fetches_file: Option<YesNo>,
    /// `messageExtension`.
    #[serde(rename = "messageExtension", default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<MessageExtension>,
}

/// The card ranges, or what has changed of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PRes {
    /// `messageVersion`.
    #[serde(rename = "messageVersion")]
    pub version: Version,
    /// `threeDSServerTransID`.
    #[serde(rename = "threeDSServerTransID")]
    pub server_trans_id: TransId,
    /// `dsTransID`.
    #[serde(rename = "dsTransID")]
    pub ds_trans_id: TransId,
    /// `serialNum`, to be sent with the next request.
    #[serde(rename = "serialNum", skip_serializing_if = "Option::is_none")]
    pub serial_num: Option<String>,
    /// `dsStartProtocolVersion` (2.2.0).
    #[serde(rename = "dsStartProtocolVersion", skip_serializing_if = "Option::is_none")]
    pub ds_start: Option<ProtocolVersion>,
    /// `dsEndProtocolVersion` (2.2.0).
    #[serde(rename = "dsEndProtocolVersion", skip_serializing_if = "Option::is_none")]
    pub ds_end: Option<ProtocolVersion>,
    /// `dsProtocolVersions` (2.3.1).
    #[serde(rename = "dsProtocolVersions", default, skip_serializing_if = "Vec::is_empty")]
    pub ds_versions: Vec<ProtocolVersion>,
    /// `cardRangeDataFileURL` (2.3.1): the ranges are to be fetched there. Only for who said that it can.
    #[serde(rename = "cardRangeDataFileURL", skip_serializing_if = "Option::is_none")]
    pub file_url: Option<String>,
    /// `readOrder` (2.3.1): 02 if the ranges are to be read backwards.
    #[serde(rename = "readOrder", skip_serializing_if = "Option::is_none")]
    pub read_order: Option<TwoDigits>,
    /// `messageExtension`.
    #[serde(rename = "messageExtension", default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<MessageExtension>,
    /// `cardRangeData`; `None` if nothing has changed.
    #[serde(skip)]
    pub card_ranges: Option<Vec<CardRange>>,
    /// The other fields that the rules know.
    #[serde(flatten)]
    pub other: Fields,
}

impl PRes {
    /// The versions of the directory server; none if it does not say.
    #[must_use]
    pub fn ds_spans(&self) -> Vec<VersionSpan> {
        spans(self.ds_start, self.ds_end, &self.ds_versions)
    }

    /// Whether the ranges are to be read backwards.
    #[must_use]
    pub fn is_backwards(&self) -> bool {
        self.read_order == Some(TwoDigits::new(2))
    }
}

/// Versions as 2.2.0 says them, from one to another, or as 2.3.1 does, one by one.
pub(crate) fn spans(
    start: Option<ProtocolVersion>,
    end: Option<ProtocolVersion>,
    each: &[ProtocolVersion],
) -> Vec<VersionSpan> {
    let span = match (start, end) {
        (Some(start), Some(end)) => Some(VersionSpan { start, end }),
        (Some(one), None) | (None, Some(one)) => Some(VersionSpan::only(one)),
        (None, None) => None,
    };
    each.iter().copied().map(VersionSpan::only).chain(span).collect()
}

impl sealed::Ranges for PReq {}

impl sealed::Ranges for PRes {
    fn ranges(&self) -> Option<&[CardRange]> {
        self.card_ranges.as_deref().filter(|ranges| !ranges.is_empty())
    }

    fn set_ranges(&mut self, ranges: Option<Vec<CardRange>>) {
        self.card_ranges = ranges.filter(|ranges| !ranges.is_empty());
    }
}
