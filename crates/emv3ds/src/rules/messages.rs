//! What is answered to an `AReq`, and what follows it: challenge, result, error.

use super::{BROWSER, Condition, Format, PAYMENT, Rule, optional, required, when};

use Format::{AnyObject, Code, Digits, List, OneOf, SecureUrl, Text, Uuid, Within};

const EXTENSION: Format = Format::Object(&[
    required("name", Text(1, 64)),
    required("id", Text(1, 64)),
    required("criticalityIndicator", Format::Boolean),
    required("data", Within(8059, &AnyObject)),
]);
pub(super) const EXTENSIONS_220: Format = Within(81_920, &List(1, 10, &EXTENSION));
pub(super) const EXTENSIONS_231: Format = Within(81_920, &List(1, 15, &EXTENSION));

pub(super) const TRUST_STATUS: Format = OneOf(&["Y", "N", "E", "P", "R", "U"]);
pub(super) const BINDING_STATUS: Format = Code(1, 15);
pub(super) const SECURITY_CODE_STATUS: Format = OneOf(&["Y", "N", "U"]);
/// Who set a status: 3DS Server, directory server or ACS.
pub(super) const STATUS_SOURCE: Format = Code(1, 3);

/// The cardholder, or an issuer's text to the cardholder. In 2.3.1 it is an object; a bare text is shown as well.
const CARDHOLDER_INFO: Format = Format::TextOr(
    &Text(1, 128),
    &Format::Object(&[
        required("text", Text(1, 128)),
        optional("issuerImage", SecureUrl(2048)),
        optional("paymentSystemImage", SecureUrl(2048)),
    ]),
);

const CHALLENGE: Condition = Condition::Is("transStatus", &["C"]);
const CHALLENGE_OR_DECOUPLED: Condition = Condition::Is("transStatus", &["C", "D"]);
const DECOUPLED: Condition = Condition::Is("transStatus", &["D"]);
const CONFIRMATION: Condition = Condition::Is("transStatus", &["S"]);
/// The issuer vouches for a payment.
const PROVEN: Condition = Condition::All(&[PAYMENT, Condition::Is("transStatus", &["Y", "A"])]);
/// A payment was not authenticated.
const REFUSED: Condition = Condition::All(&[PAYMENT, Condition::Is("transStatus", &["N", "U", "R"])]);

pub(super) const ARES: &[Rule] = &[
    required("messageType", OneOf(&["ARes"])),
    required("messageVersion", OneOf(&["2.2.0"])).only_220(),
    required("messageVersion", OneOf(&["2.3.1"])).only_231(),
    required("threeDSServerTransID", Uuid),
    required("dsTransID", Uuid),
    required("acsTransID", Uuid),
    required("dsReferenceNumber", Text(1, 32)),
    required("acsReferenceNumber", Text(1, 32)),
    optional("acsOperatorID", Text(1, 32)),
    required("transStatus", OneOf(&["Y", "N", "U", "A", "C", "D", "R", "I"])).only_220(),
    required("transStatus", OneOf(&["Y", "N", "U", "A", "C", "D", "R", "I", "S"])).only_231(),
    when(REFUSED, "transStatusReason", Code(1, 26)).only_220(),
    when(REFUSED, "transStatusReason", Code(1, 30)).only_231(),
    optional("transStatusReasonInfo", Text(1, 256)).only_231(),
    when(CHALLENGE, "acsURL", SecureUrl(2048)),
    when(CHALLENGE_OR_DECOUPLED, "acsChallengeMandated", OneOf(&["Y", "N"])),
    when(DECOUPLED, "acsDecConInd", OneOf(&["Y", "N"])),
    when(CHALLENGE_OR_DECOUPLED, "authenticationType", Code(1, 4)).only_220(),
    optional("authenticationMethod", List(1, 99, &Code(1, 79))).only_231(),
    when(PROVEN, "authenticationValue", Format::Base64(20, 20)).only_220(),
    when(PROVEN, "authenticationValue", Format::Base64(1, 3000)).only_231(),
    optional("eci", Digits(2, 2)),
    optional("transChallengeExemption", Code(5, 79)).only_231(),
    optional("cardholderInfo", Text(1, 128)).only_220(),
    optional("cardholderInfo", CARDHOLDER_INFO).only_231(),
    optional("whiteListStatus", TRUST_STATUS).only_220(),
    when(Condition::Present("whiteListStatus"), "whiteListStatusSource", STATUS_SOURCE).only_220(),
    optional("trustListStatus", TRUST_STATUS).only_231(),
    when(Condition::Present("trustListStatus"), "trustListStatusSource", STATUS_SOURCE).only_231(),
    optional("deviceBindingStatus", BINDING_STATUS).only_231(),
    when(Condition::Present("deviceBindingStatus"), "deviceBindingStatusSource", STATUS_SOURCE).only_231(),
    optional("cardSecurityCodeStatus", SECURITY_CODE_STATUS).only_231(),
    when(Condition::Present("cardSecurityCodeStatus"), "cardSecurityCodeStatusSource", STATUS_SOURCE)
        .only_231(),
    when(CONFIRMATION, "spcTransData", AnyObject).only_231(),
    optional("webAuthnCredList", List(1, 100, &AnyObject)).only_231(),
    optional("broadInfo", Within(4096, &AnyObject)).only_231(),
    optional("messageExtension", EXTENSIONS_220).only_220(),
    optional("messageExtension", EXTENSIONS_231).only_231(),
];

pub(super) const CREQ: &[Rule] = &[
    required("messageType", OneOf(&["CReq"])),
    required("messageVersion", OneOf(&["2.2.0"])).only_220(),
    required("messageVersion", OneOf(&["2.3.1"])).only_231(),
    required("threeDSServerTransID", Uuid),
    required("acsTransID", Uuid),
    when(BROWSER, "challengeWindowSize", OneOf(&["01", "02", "03", "04", "05"])),
    optional("messageExtension", EXTENSIONS_220).only_220(),
    optional("messageExtension", EXTENSIONS_231).only_231(),
];

pub(super) const CRES: &[Rule] = &[
    required("messageType", OneOf(&["CRes"])),
    required("messageVersion", OneOf(&["2.2.0"])).only_220(),
    required("messageVersion", OneOf(&["2.3.1"])).only_231(),
    required("threeDSServerTransID", Uuid),
    required("acsTransID", Uuid),
    required("transStatus", OneOf(&["Y", "N"])).only_220(),
    required("transStatus", OneOf(&["Y", "N", "D"])).only_231(),
    optional("challengeCompletionInd", OneOf(&["Y", "N"])),
    optional("messageExtension", EXTENSIONS_220).only_220(),
    optional("messageExtension", EXTENSIONS_231).only_231(),
];

pub(super) const RREQ: &[Rule] = &[
    required("messageType", OneOf(&["RReq"])),
    required("messageVersion", OneOf(&["2.2.0"])).only_220(),
    required("messageVersion", OneOf(&["2.3.1"])).only_231(),
    required("messageCategory", Code(1, 2)),
    required("threeDSServerTransID", Uuid),
    required("dsTransID", Uuid),
    required("acsTransID", Uuid),
    required("transStatus", OneOf(&["Y", "N", "U", "A", "R"])).only_220(),
    required("transStatus", OneOf(&["Y", "N", "U", "A", "R", "D"])).only_231(),
    when(REFUSED, "transStatusReason", Code(1, 26)).only_220(),
    when(REFUSED, "transStatusReason", Code(1, 30)).only_231(),
    optional("transStatusReasonInfo", Text(1, 256)).only_231(),
    when(PROVEN, "authenticationValue", Format::Base64(20, 20)).only_220(),
    when(PROVEN, "authenticationValue", Format::Base64(1, 3000)).only_231(),
    optional("eci", Digits(2, 2)),
    optional("authenticationType", Code(1, 4)).only_220(),
    optional("authenticationMethod", Code(1, 79)).only_220(),
    optional("authenticationMethod", List(1, 99, &Code(1, 79))).only_231(),
    optional("challengeCancel", Code(1, 8)).only_220(),
    optional("challengeCancel", Code(1, 10)).only_231(),
    optional("challengeErrorReporting", AnyObject).only_231(),
    optional("interactionCounter", Digits(2, 2)),
    optional("cardholderInfo", CARDHOLDER_INFO).only_231(),
    optional("whiteListStatus", TRUST_STATUS).only_220(),
    when(Condition::Present("whiteListStatus"), "whiteListStatusSource", STATUS_SOURCE).only_220(),
    optional("trustListStatus", TRUST_STATUS).only_231(),
    when(Condition::Present("trustListStatus"), "trustListStatusSource", STATUS_SOURCE).only_231(),
    optional("deviceBindingStatus", BINDING_STATUS).only_231(),
    when(Condition::Present("deviceBindingStatus"), "deviceBindingStatusSource", STATUS_SOURCE).only_231(),
    optional("messageExtension", EXTENSIONS_220).only_220(),
    optional("messageExtension", EXTENSIONS_231).only_231(),
];

pub(super) const RRES: &[Rule] = &[
    required("messageType", OneOf(&["RRes"])),
    required("messageVersion", OneOf(&["2.2.0"])).only_220(),
    required("messageVersion", OneOf(&["2.3.1"])).only_231(),
    required("threeDSServerTransID", Uuid),
    required("dsTransID", Uuid),
    required("acsTransID", Uuid),
    required("resultsStatus", Code(1, 4)),
    optional("messageExtension", EXTENSIONS_220).only_220(),
    optional("messageExtension", EXTENSIONS_231).only_231(),
];

pub(super) const ERRO: &[Rule] = &[
    required("messageType", OneOf(&["Erro"])),
    required("messageVersion", Format::Version),
    required("errorCode", Digits(3, 3)),
    required("errorComponent", OneOf(&["C", "S", "D", "A"])),
    required("errorDescription", Text(1, 2048)),
    required("errorDetail", Text(1, 2048)),
    optional("errorMessageType", Text(4, 4)),
    optional("threeDSServerTransID", Uuid),
    optional("dsTransID", Uuid),
    optional("acsTransID", Uuid),
];
