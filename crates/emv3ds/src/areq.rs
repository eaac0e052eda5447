//! `AReq`: what the merchant's side tells the issuer of a payment.

use crate::browser::BrowserInfo;
use crate::fields::Fields;
use crate::ids::TransId;
use crate::message::{MessageExtension, sealed};
use crate::secret::Secret;
use crate::values::{
    AuthenticationInd, ChallengeInd, CompInd, DeviceChannel, MessageCategory, ThreeRiInd, TwoDigits, YesNo,
};
use crate::version::Version;
use serde::{Deserialize, Serialize};

/// An authentication is asked for.
///
/// One type for both versions: what [`version`](Self::version) does not know is left out when it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AReq {
    /// `messageVersion`.
    #[serde(rename = "messageVersion")]
    pub version: Version,
    /// `messageCategory`.
    #[serde(rename = "messageCategory")]
    pub category: MessageCategory,
    /// `deviceChannel`.
    #[serde(rename = "deviceChannel")]
    pub channel: DeviceChannel,
    /// `threeDSServerTransID`: the same as in the 3DS Method.
    #[serde(rename = "threeDSServerTransID")]
    pub server_trans_id: TransId,
    /// `dsTransID`, which the directory server adds for the ACS.
    #[serde(rename = "dsTransID", skip_serializing_if = "Option::is_none")]
    pub ds_trans_id: Option<TransId>,
    /// Who asks.
    #[serde(flatten)]
    pub server: ServerIdentity,
    /// For which shop, and why.
    #[serde(flatten)]
    pub requestor: Requestor,
    /// `threeDSCompInd`: how the 3DS Method went. Required in a browser.
    #[serde(rename = "threeDSCompInd", skip_serializing_if = "Option::is_none")]
    pub comp_ind: Option<CompInd>,
    /// `threeDSMethodId` (2.3.1): the earlier transaction whose 3DS Method counts.
    #[serde(rename = "threeDSMethodId", skip_serializing_if = "Option::is_none")]
    pub method_id: Option<TransId>,
    /// `notificationURL`: where the browser returns to after a challenge. Required in a browser.
    #[serde(rename = "notificationURL", skip_serializing_if = "Option::is_none")]
    pub notification_url: Option<String>,
    /// The browser; without it the channel is another.
    #[serde(flatten)]
    pub browser: Option<BrowserInfo>,
    /// The card.
    #[serde(flatten)]
    pub card: Card,
    /// What is bought. Required for a payment; not there if it is described in part only.
    #[serde(flatten)]
    pub purchase: Option<Purchase>,
    /// Who sells.
    #[serde(flatten)]
    pub merchant: Merchant,
    /// Who buys.
    #[serde(flatten)]
    pub cardholder: Cardholder,
    /// `messageExtension`.
    #[serde(rename = "messageExtension", default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<MessageExtension>,
    /// The other fields that the rules know.
    #[serde(flatten)]
    pub other: Fields,
}

/// The 3DS Server, as EMVCo and the directory server know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerIdentity {
    /// `threeDSServerRefNumber`, given by EMVCo with its approval.
    #[serde(rename = "threeDSServerRefNumber")]
    pub reference_number: String,
    /// `threeDSServerOperatorID`, given by some directory servers.
    #[serde(rename = "threeDSServerOperatorID", skip_serializing_if = "Option::is_none")]
    pub operator_id: Option<String>,
    /// `threeDSServerURL`: where the result of a challenge is sent.
    #[serde(rename = "threeDSServerURL")]
    pub url: String,
}

/// The 3DS Requestor: the shop, and what it wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requestor {
    /// `threeDSRequestorID`.
    #[serde(rename = "threeDSRequestorID")]
    pub id: String,
    /// `threeDSRequestorName`.
    #[serde(rename = "threeDSRequestorName")]
    pub name: String,
    /// `threeDSRequestorURL`.
    #[serde(rename = "threeDSRequestorURL")]
    pub url: String,
    /// `threeDSRequestorAuthenticationInd`. Required with a cardholder.
    #[serde(rename = "threeDSRequestorAuthenticationInd", skip_serializing_if = "Option::is_none")]
    pub authentication_ind: Option<AuthenticationInd>,
    /// `threeRIInd`. Required without a cardholder.
    #[serde(rename = "threeRIInd", skip_serializing_if = "Option::is_none")]
    pub three_ri_ind: Option<ThreeRiInd>,
    /// `threeDSRequestorChallengeInd`, most wanted first; 2.2.0 has room for one.
    #[serde(rename = "threeDSRequestorChallengeInd", default, skip_serializing_if = "Vec::is_empty")]
    pub challenge_ind: Vec<ChallengeInd>,
}

/// The card that is to be authenticated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    /// `acctNumber`: 13–19 digits. A Maestro card of 12 digits cannot be authenticated.
    #[serde(rename = "acctNumber")]
    pub number: Secret,
    /// `cardExpiryDate`: `YYMM`.
    #[serde(rename = "cardExpiryDate", skip_serializing_if = "Option::is_none")]
    pub expiry: Option<Secret>,
    /// `acctType`: 02 credit, 03 debit.
    #[serde(rename = "acctType", skip_serializing_if = "Option::is_none")]
    pub account_type: Option<TwoDigits>,
    /// `cardSecurityCode` (2.3.1).
    #[serde(rename = "cardSecurityCode", skip_serializing_if = "Option::is_none")]
    pub security_code: Option<Secret>,
}

/// What is bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// `purchaseAmount`, in minor units.
    #[serde(rename = "purchaseAmount")]
    pub amount: String,
    /// `purchaseCurrency`: ISO 4217, numeric.
    #[serde(rename = "purchaseCurrency")]
    pub currency: String,
    /// `purchaseExponent`: how many digits of the amount are minor units.
    #[serde(rename = "purchaseExponent")]
    pub exponent: String,
    /// `purchaseDate`: `YYYYMMDDHHMMSS` in UTC.
    #[serde(rename = "purchaseDate")]
    pub date: String,
    /// `transType`: 01 goods or services.
    #[serde(rename = "transType", skip_serializing_if = "Option::is_none")]
    pub trans_type: Option<TwoDigits>,
    /// `purchaseInstalData`: how many instalments.
    #[serde(rename = "purchaseInstalData", skip_serializing_if = "Option::is_none")]
    pub instalments: Option<String>,
    /// `recurringExpiry`: `YYYYMMDD`, the last day of a subscription.
    #[serde(rename = "recurringExpiry", skip_serializing_if = "Option::is_none")]
    pub recurring_expiry: Option<String>,
    /// `recurringFrequency`: days between payments.
    #[serde(rename = "recurringFrequency", skip_serializing_if = "Option::is_none")]
    pub recurring_frequency: Option<String>,
}

/// Who sells, the same as the authorisation says. All of it is required for a payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    /// `acquirerBIN`.
    #[serde(rename = "acquirerBIN", skip_serializing_if = "Option::is_none")]
    pub acquirer_bin: Option<String>,
    /// `acquirerMerchantID`.
    #[serde(rename = "acquirerMerchantID", skip_serializing_if = "Option::is_none")]
    pub acquirer_merchant_id: Option<String>,
    /// `acquirerCountryCode` (2.3.1).
    #[serde(rename = "acquirerCountryCode", skip_serializing_if = "Option::is_none")]
    pub acquirer_country: Option<String>,
    /// `acquirerCountryCodeSource` (2.3.1): 01 the 3DS Server, 02 the directory server.
    #[serde(rename = "acquirerCountryCodeSource", skip_serializing_if = "Option::is_none")]
    pub acquirer_country_source: Option<TwoDigits>,
    /// `mcc`: the merchant category.
    #[serde(rename = "mcc", skip_serializing_if = "Option::is_none")]
    pub category_code: Option<String>,
    /// `merchantCountryCode`: ISO 3166-1, numeric.
    #[serde(rename = "merchantCountryCode", skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// `merchantName`.
    #[serde(rename = "merchantName", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// Who buys. The schemes want what the law allows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cardholder {
    /// `cardholderName`.
    #[serde(rename = "cardholderName", skip_serializing_if = "Option::is_none")]
    pub name: Option<Secret>,
    /// `email`.
    #[serde(rename = "email", skip_serializing_if = "Option::is_none")]
    pub email: Option<Secret>,
    /// `homePhone`.
    #[serde(rename = "homePhone", skip_serializing_if = "Option::is_none")]
    pub home_phone: Option<Phone>,
    /// `mobilePhone`.
    #[serde(rename = "mobilePhone", skip_serializing_if = "Option::is_none")]
    pub mobile_phone: Option<Phone>,
    /// `workPhone`.
    #[serde(rename = "workPhone", skip_serializing_if = "Option::is_none")]
    pub work_phone: Option<Phone>,
    /// `addrMatch`: whether it is delivered to where the bill goes.
    #[serde(rename = "addrMatch", skip_serializing_if = "Option::is_none")]
    pub addresses_match: Option<YesNo>,
    /// `billAddr…`.
    #[serde(flatten)]
    pub billing: BillingAddress,
    /// `shipAddr…`.
    #[serde(flatten)]
    pub shipping: ShippingAddress,
}

/// A phone number in two parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phone {
    /// `cc`: the country's code, without a plus.
    #[serde(rename = "cc")]
    pub country_code: Secret,
    /// `subscriber`: the rest.
    pub subscriber: Secret,
}

/// Where the bill goes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillingAddress {
    /// `billAddrLine1`.
    #[serde(rename = "billAddrLine1", skip_serializing_if = "Option::is_none")]
    pub line1: Option<Secret>,
    /// `billAddrLine2`.
    #[serde(rename = "billAddrLine2", skip_serializing_if = "Option::is_none")]
    pub line2: Option<Secret>,
    /// `billAddrLine3`.
    #[serde(rename = "billAddrLine3", skip_serializing_if = "Option::is_none")]
    pub line3: Option<Secret>,
    /// `billAddrPostCode`.
    #[serde(rename = "billAddrPostCode", skip_serializing_if = "Option::is_none")]
    pub post_code: Option<Secret>,
    /// `billAddrCity`.
    #[serde(rename = "billAddrCity", skip_serializing_if = "Option::is_none")]
    pub city: Option<Secret>,
    /// `billAddrState`: the part after the dash of ISO 3166-2.
    #[serde(rename = "billAddrState", skip_serializing_if = "Option::is_none")]
    pub state: Option<Secret>,
    /// `billAddrCountry`: ISO 3166-1, numeric.
    #[serde(rename = "billAddrCountry", skip_serializing_if = "Option::is_none")]
    pub country: Option<Secret>,
}

/// Where it is delivered to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingAddress {
    /// `shipAddrLine1`.
    #[serde(rename = "shipAddrLine1", skip_serializing_if = "Option::is_none")]
    pub line1: Option<Secret>,
    /// `shipAddrLine2`.
    #[serde(rename = "shipAddrLine2", skip_serializing_if = "Option::is_none")]
    pub line2: Option<Secret>,
    /// `shipAddrLine3`.
    #[serde(rename = "shipAddrLine3", skip_serializing_if = "Option::is_none")]
    pub line3: Option<Secret>,
    /// `shipAddrPostCode`.
    #[serde(rename = "shipAddrPostCode", skip_serializing_if = "Option::is_none")]
    pub post_code: Option<Secret>,
    /// `shipAddrCity`.
    #[serde(rename = "shipAddrCity", skip_serializing_if = "Option::is_none")]
    pub city: Option<Secret>,
    /// `shipAddrState`: the part after the dash of ISO 3166-2.
    #[serde(rename = "shipAddrState", skip_serializing_if = "Option::is_none")]
    pub state: Option<Secret>,
    /// `shipAddrCountry`: ISO 3166-1, numeric.
    #[serde(rename = "shipAddrCountry", skip_serializing_if = "Option::is_none")]
    pub country: Option<Secret>,
}

impl sealed::Ranges for AReq {}
