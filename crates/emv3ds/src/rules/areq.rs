//! `AReq`: the merchant's side asks for an authentication.

use super::messages::{
    BINDING_STATUS, EXTENSIONS_220, EXTENSIONS_231, SECURITY_CODE_STATUS, STATUS_SOURCE, TRUST_STATUS,
};
use super::{BROWSER, Condition, Format, PAYMENT, Rule, optional, required, when};

use Format::{AnyObject, Code, Date, DateTime, Digits, Email, List, OneOf, SecureUrl, Text, Url, Uuid};

/// The cardholder takes part.
const CARDHOLDER_PRESENT: Condition = Condition::Is("deviceChannel", &["01", "02"]);
/// The merchant asks alone.
const THREE_RI: Condition = Condition::Is("deviceChannel", &["03"]);
/// A browser that runs scripts.
const SCRIPTING: Condition = Condition::All(&[BROWSER, Condition::True("browserJavascriptEnabled")]);
/// The first of several payments.
const INSTALMENT: Condition = Condition::Is("threeDSRequestorAuthenticationInd", &["03"]);
const SERIES: Condition = Condition::Is("threeDSRequestorAuthenticationInd", &["02", "03"]);
/// Something is bought, now or regularly.
const PURCHASE: Condition = Condition::Any(&[PAYMENT, SERIES]);
/// The issuer may ask the cardholder by another way.
const DECOUPLED: Condition = Condition::Is("threeDSRequestorDecReqInd", &["Y", "F", "B"]);

/// ISO 3166-1 or ISO 4217, numeric.
const ISO: Format = Digits(3, 3);
const ADDRESS_LINE: Format = Text(1, 50);

const PHONE: Format = Format::Object(&[required("cc", Digits(1, 3)), required("subscriber", Digits(1, 15))]);

pub(super) const AREQ: &[Rule] = &[
    // Envelope
    required("messageType", OneOf(&["AReq"])),
    required("messageVersion", OneOf(&["2.2.0"])).only_220(),
    required("messageVersion", OneOf(&["2.3.1"])).only_231(),
    required("messageCategory", Code(1, 2)),
    required("deviceChannel", OneOf(&["01", "02", "03"])),
    required("threeDSServerTransID", Uuid),
    optional("messageExtension", EXTENSIONS_220).only_220(),
    optional("messageExtension", EXTENSIONS_231).only_231(),
    // 3DS Server; the directory server adds its own before it asks the ACS
    required("threeDSServerRefNumber", Text(1, 32)),
    required("threeDSServerURL", SecureUrl(2048)),
    optional("threeDSServerOperatorID", Text(1, 32)),
    optional("dsReferenceNumber", Text(1, 32)),
    optional("dsTransID", Uuid),
    optional("dsURL", SecureUrl(2048)),
    // 3DS Requestor
    required("threeDSRequestorID", Text(1, 35)),
    required("threeDSRequestorName", Text(1, 40)),
    required("threeDSRequestorURL", Url(2048)),
    when(CARDHOLDER_PRESENT, "threeDSRequestorAuthenticationInd", Code(1, 6)).only_220(),
    when(CARDHOLDER_PRESENT, "threeDSRequestorAuthenticationInd", Code(1, 10)).only_231(),
    when(THREE_RI, "threeRIInd", Code(1, 11)).only_220(),
    when(THREE_RI, "threeRIInd", Code(1, 19)).only_231(),
    optional("threeDSRequestorChallengeInd", Code(1, 9)).only_220(),
    optional("threeDSRequestorChallengeInd", List(1, 2, &Code(1, 14))).only_231(),
    optional("threeDSRequestorAuthenticationInfo", AnyObject).only_220(),
    optional("threeDSRequestorAuthenticationInfo", List(1, 3, &AnyObject)).only_231(),
    optional("threeDSRequestorPriorAuthenticationInfo", AnyObject).only_220(),
    optional("threeDSRequestorPriorAuthenticationInfo", List(1, 3, &AnyObject)).only_231(),
    optional("threeDSReqAuthMethodInd", Code(1, 3)).only_220(),
    optional("threeDSRequestorDecReqInd", OneOf(&["Y", "N"])).only_220(),
    optional("threeDSRequestorDecReqInd", OneOf(&["Y", "N", "F", "B"])).only_231(),
    when(DECOUPLED, "threeDSRequestorDecMaxTime", Digits(5, 5)),
    optional("threeDSRequestorSpcSupport", OneOf(&["Y"])).only_231(),
    optional("spcIncompInd", Code(1, 3)).only_231(),
    // 3DS Method
    when(BROWSER, "threeDSCompInd", OneOf(&["Y", "N", "U"])),
    optional("threeDSMethodId", Uuid).only_231(),
    when(BROWSER, "notificationURL", SecureUrl(256)),
    // Browser
    when(BROWSER, "browserAcceptHeader", Text(1, 2048)),
    when(BROWSER, "browserUserAgent", Text(1, 2048)),
    when(BROWSER, "browserJavascriptEnabled", Format::Boolean),
    when(BROWSER, "browserLanguage", Text(1, 8)).only_220(),
    when(SCRIPTING, "browserLanguage", Text(1, 35)).only_231(),
    when(BROWSER, "acceptLanguage", List(1, 99, &Text(1, 100))).only_231(),
    when(SCRIPTING, "browserJavaEnabled", Format::Boolean),
    when(SCRIPTING, "browserColorDepth", OneOf(&["1", "4", "8", "15", "16", "24", "32", "48"])),
    when(SCRIPTING, "browserScreenHeight", Digits(1, 6)),
    when(SCRIPTING, "browserScreenWidth", Digits(1, 6)),
    when(SCRIPTING, "browserTZ", Format::Offset),
    optional("browserIP", Format::Ip),
    optional("deviceId", Text(1, 64)).only_231(),
    optional("userId", Text(1, 64)).only_231(),
    // Card
    required("acctNumber", Digits(13, 19)),
    optional("cardExpiryDate", Format::YearMonth),
    optional("acctType", Code(1, 3)),
    optional("acctID", Text(1, 64)),
    optional("cardholderName", Text(2, 45)),
    optional("payTokenInd", Format::True),
    optional("payTokenSource", Code(1, 2)),
    optional("payTokenInfo", AnyObject).only_231(),
    optional("cardSecurityCode", Digits(3, 4)).only_231(),
    optional("cardSecurityCodeStatus", SECURITY_CODE_STATUS).only_231(),
    when(Condition::Present("cardSecurityCodeStatus"), "cardSecurityCodeStatusSource", STATUS_SOURCE)
        .only_231(),
    // Purchase
    when(PURCHASE, "purchaseAmount", Digits(1, 48)),
    when(PURCHASE, "purchaseCurrency", ISO),
    when(PURCHASE, "purchaseExponent", Digits(1, 1)),
    when(PURCHASE, "purchaseDate", DateTime),
    when(INSTALMENT, "purchaseInstalData", Digits(1, 3)),
    when(SERIES, "recurringExpiry", Date).only_220(),
    when(SERIES, "recurringFrequency", Digits(1, 4)).only_220(),
    optional("recurringExpiry", Date).only_231(),
    optional("recurringFrequency", Digits(1, 4)).only_231(),
    optional("recurringAmount", Digits(1, 48)).only_231(),
    optional("recurringCurrency", ISO).only_231(),
    optional("recurringExponent", Digits(1, 1)).only_231(),
    optional("recurringDate", Date).only_231(),
    optional("recurringInd", AnyObject).only_231(),
    optional("transType", OneOf(&["01", "03", "10", "11", "28"])),
    // Merchant
    when(PAYMENT, "acquirerBIN", Text(1, 11)),
    when(PAYMENT, "acquirerMerchantID", Text(1, 35)),
    required("acquirerCountryCode", ISO).only_231(),
    required("acquirerCountryCodeSource", Code(1, 2)).only_231(),
    when(PAYMENT, "mcc", Digits(4, 4)),
    when(PAYMENT, "merchantCountryCode", ISO),
    when(PAYMENT, "merchantName", Text(1, 40)),
    optional("merchantRiskIndicator", AnyObject),
    optional("sellerInfo", List(1, 50, &AnyObject)).only_231(),
    optional("multiTransaction", AnyObject).only_231(),
    optional("payeeOrigin", Url(2048)).only_231(),
    // Cardholder
    optional("email", Email(254)),
    optional("homePhone", PHONE),
    optional("mobilePhone", PHONE),
    optional("workPhone", PHONE),
    optional("addrMatch", OneOf(&["Y", "N"])),
    optional("billAddrLine1", ADDRESS_LINE),
    optional("billAddrLine2", ADDRESS_LINE),
    optional("billAddrLine3", ADDRESS_LINE),
    optional("billAddrPostCode", Text(1, 16)),
    optional("billAddrCity", Text(1, 50)),
    optional("billAddrState", Text(1, 3)),
    when(Condition::Present("billAddrState"), "billAddrCountry", ISO),
    optional("shipAddrLine1", ADDRESS_LINE),
    optional("shipAddrLine2", ADDRESS_LINE),
    optional("shipAddrLine3", ADDRESS_LINE),
    optional("shipAddrPostCode", Text(1, 16)),
    optional("shipAddrCity", Text(1, 50)),
    optional("shipAddrState", Text(1, 3)),
    when(Condition::Present("shipAddrState"), "shipAddrCountry", ISO),
    optional("taxId", Text(1, 45)).only_231(),
    optional("acctInfo", AnyObject),
    // Lists and bindings that the ACS keeps
    optional("whiteListStatus", TRUST_STATUS).only_220(),
    when(Condition::Present("whiteListStatus"), "whiteListStatusSource", STATUS_SOURCE).only_220(),
    optional("trustListStatus", TRUST_STATUS).only_231(),
    when(Condition::Present("trustListStatus"), "trustListStatusSource", STATUS_SOURCE).only_231(),
    optional("deviceBindingStatus", BINDING_STATUS).only_231(),
    when(Condition::Present("deviceBindingStatus"), "deviceBindingStatusSource", STATUS_SOURCE).only_231(),
    optional("broadInfo", Format::Within(4096, &AnyObject)).only_231(),
];
