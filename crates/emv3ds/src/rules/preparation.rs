//! `PReq`, `PRes` and the entries of `cardRangeData`.

use super::messages::{EXTENSIONS_220, EXTENSIONS_231};
use super::{Condition, Format, Rule, optional, required, when};

use Format::{AnyObject, Code, Digits, List, OneOf, SecureUrl, Text, Uuid};

pub(super) const PREQ: &[Rule] = &[
    required("messageType", OneOf(&["PReq"])),
    required("messageVersion", OneOf(&["2.2.0"])).only_220(),
    required("messageVersion", OneOf(&["2.3.1"])).only_231(),
    required("threeDSServerTransID", Uuid),
    required("threeDSServerRefNumber", Text(1, 32)),
    optional("threeDSServerOperatorID", Text(1, 32)),
    optional("serialNum", Text(1, 20)),
    optional("cardRangeDataDownloadInd", OneOf(&["Y"])).only_231(),
    optional("messageExtension", EXTENSIONS_220).only_220(),
    optional("messageExtension", EXTENSIONS_231).only_231(),
];

pub(super) const PRES: &[Rule] = &[
    required("messageType", OneOf(&["PRes"])),
    required("messageVersion", OneOf(&["2.2.0"])).only_220(),
    required("messageVersion", OneOf(&["2.3.1"])).only_231(),
    required("threeDSServerTransID", Uuid),
    required("dsTransID", Uuid),
    optional("serialNum", Text(1, 20)),
    optional("cardRangeData", Format::CardRanges),
    optional("dsStartProtocolVersion", Format::Version).only_220(),
    optional("dsEndProtocolVersion", Format::Version).only_220(),
    optional("dsProtocolVersions", List(1, 20, &Format::Version)).only_231(),
    optional("cardRangeDataFileURL", SecureUrl(2048)).only_231(),
    optional("dsUrlList", List(1, 50, &AnyObject)).only_231(),
    optional("readOrder", OneOf(&["01", "02"])).only_231(),
    optional("messageExtension", EXTENSIONS_220).only_220(),
    optional("messageExtension", EXTENSIONS_231).only_231(),
];

/// The first or last card number of a range.
const BOUND: Format = Digits(13, 19);
const ACS_INFO: Format = List(1, 99, &Code(1, 79));

/// A range that is deleted needs no more than its numbers.
const KEPT: Condition = Condition::Not(&Condition::Is("actionInd", &["D"]));

/// An entry of 2.2.0: one range, and the versions from one to another.
pub(crate) const RANGE_220: &[Rule] = &[
    required("startRange", BOUND),
    required("endRange", BOUND),
    optional("actionInd", OneOf(&["A", "D", "M"])),
    when(KEPT, "acsStartProtocolVersion", Format::Version),
    when(KEPT, "acsEndProtocolVersion", Format::Version),
    optional("dsStartProtocolVersion", Format::Version),
    optional("dsEndProtocolVersion", Format::Version),
    optional("threeDSMethodURL", SecureUrl(2048)),
    optional("acsInfoInd", ACS_INFO),
];

/// What an ACS supports in one version (2.3.1).
const ACS_VERSIONS: &[Rule] = &[
    required("version", Format::Version),
    optional("threeDSMethodURL", SecureUrl(2048)),
    optional("acsInfoInd", ACS_INFO),
    optional("supportedMsgExt", List(1, 99, &AnyObject)),
];

/// An entry of 2.3.1: several ranges with the same list of versions.
pub(crate) const RANGE_231: &[Rule] = &[
    required(
        "ranges",
        List(1, 200_000, &Format::Object(&[required("startRange", BOUND), required("endRange", BOUND)])),
    ),
    optional("actionInd", OneOf(&["A", "D", "M"])),
    when(KEPT, "acsProtocolVersions", List(1, 20, &Format::Object(ACS_VERSIONS))),
    optional("dsProtocolVersions", List(1, 20, &Format::Version)),
    optional("issuerCountryCode", Digits(3, 3)),
];
