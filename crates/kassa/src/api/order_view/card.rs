//! The card part of an order: `payment_details`, and its one entry of `payment_methods`.

use super::{decline, wall_clock};
use jiff::tz::TimeZone;
use payments::card::{Brand, CardSummary};
use payments::order::Order;
use payments::ranges::Funding;
use payments::threeds::Authentication;
use payments::token::Model;
use payments::transaction::{Approval, Capturing, State, Transaction};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// `payment_details` of the attempt that the order's state is read from. What is `()` is always null here;
/// these are left out:
///
/// | Field | When |
/// |---|---|
/// | what [`Approved`] holds | until the issuer has approved |
/// | `issuer_bin` | of a card so short that it must not be kept |
/// | `card_funding`, `card_product`, `issuer_country_code` | unless the card ranges say it |
#[derive(Serialize, JsonSchema)]
pub(super) struct PaymentDetails<'a> {
    account_holder_name: &'a str,
    account_id: (),
    acquirer_reference_number: (),
    #[serde(flatten)]
    approved: Option<Approved<'a>>,
    #[serde(flatten)]
    capture: Option<CaptureDetails>,
    card_authentication_result: Option<AuthenticationResult<'a>>,
    #[schemars(extend("const" = "UNKNOWN"))]
    card_entry_mode: &'static str,
    /// YYMM.
    card_expiry_date: String,
    /// C credit, D debit, P prepaid, R deferred debit, H charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = Funding::ALL.map(Funding::letter)))]
    card_funding: Option<&'static str>,
    /// The scheme's code of the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    card_product: Option<&'a str>,
    collecting_flow: (),
    /// The acquirer's own number of the payment, which is not kept.
    external_transaction_id: (),
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer_bin: Option<&'a str>,
    /// Where the issuer is: two letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer_country_code: Option<&'a str>,
    last4: &'a str,
    mcc: (),
    #[schemars(extend("enum" = ["token", null]))]
    recurring_flow: Option<&'static str>,
    /// The token of the card, once it is paid with.
    recurring_id: Option<String>,
    #[schemars(extend("enum" = recurring_models()))]
    recurring_model: Option<&'static str>,
    response_code: Option<&'a str>,
    scheme_reference_id: (),
    #[serde(rename = "type")]
    #[schemars(extend("enum" = brands()))]
    brand: &'static str,
}

/// What is only there when the shop captures: plugins decide by it what can still be captured. `capture_expiry` is
/// left out when nothing can.
#[derive(Serialize, JsonSchema)]
struct CaptureDetails {
    #[schemars(extend("const" = "manual"))]
    capture: &'static str,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    capture_expiry: Option<String>,
    /// What can still be captured, in minor units.
    capture_remain: i64,
}

/// What is only there once the issuer has approved. The two options are left out when nothing is known.
#[derive(Serialize, JsonSchema)]
struct Approved<'a> {
    authorization_code: &'a str,
    card_acceptor_id: (),
    card_acceptor_location: (),
    card_acceptor_name: (),
    #[serde(skip_serializing_if = "Option::is_none")]
    card_authentication_details: Option<AuthenticationDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_verification_result: Option<&'a str>,
}

#[derive(Serialize, JsonSchema)]
struct AuthenticationDetails {
    #[schemars(extend("enum" = ["challenge", "frictionless"]))]
    flow: &'static str,
}

/// What 3-D Secure answered; what it did not say is left out.
#[derive(Serialize, JsonSchema)]
struct AuthenticationResult<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    acs_transaction_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cavv: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    challenge_cancel: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ds_transaction_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eci: Option<&'a str>,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_status_reason: Option<&'a str>,
    version: &'a str,
}

/// An entry of `payment_methods`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OrderPayment")]
pub(super) struct PaymentMethod<'a> {
    account_holder_name: &'a str,
    amount: i64,
    card_expiry_date: String,
    currency: &'static str,
    description: &'a str,
    last4: &'a str,
    payment_description: &'static str,
    #[schemars(extend("enum" = super::STATUSES))]
    status: &'static str,
    #[serde(rename = "type")]
    #[schemars(extend("enum" = brands()))]
    brand: &'static str,
}

fn brands() -> [&'static str; 4] {
    Brand::ALL.map(Brand::id)
}

fn recurring_models() -> Vec<Value> {
    Model::ALL.map(|model| json!(model.word())).into_iter().chain([Value::Null]).collect()
}

impl<'a> PaymentDetails<'a> {
    pub(super) fn of(
        order: &'a Order,
        transaction: &'a Transaction,
        zone: &TimeZone,
    ) -> anyhow::Result<Self> {
        let CardSummary { brand, bin, last4, expiry, holder, issued } = &transaction.card;
        let approval = transaction.approval();
        let authentication = transaction.authentication.as_ref();
        let response_code = match (approval, decline(transaction)) {
            (Some(approval), _) => Some(approval.response_code.as_str()),
            (None, Some(decline)) => decline.response_code.as_deref(),
            (None, None) => None,
        };
        // A card that was not paid with is not kept, whatever was asked for.
        let token = transaction.token.as_ref().filter(|_| transaction.is_paid());
        Ok(Self {
            account_holder_name: holder,
            account_id: (),
            acquirer_reference_number: (),
            approved: approval.map(|approval| Approved::of(approval, authentication)),
            capture: CaptureDetails::of(order, transaction, zone)?,
            card_authentication_result: authentication.map(AuthenticationResult::of),
            card_entry_mode: "UNKNOWN",
            card_expiry_date: expiry.yymm(),
            card_funding: issued.funding.map(Funding::letter),
            card_product: issued.product.as_deref(),
            collecting_flow: (),
            external_transaction_id: (),
            issuer_bin: bin.as_deref(),
            issuer_country_code: issued.country.as_deref(),
            last4,
            mcc: (),
            recurring_flow: token.map(|_| "token"),
            recurring_id: token.map(|token| token.id().to_string()),
            recurring_model: order.terms.recurring.as_ref().map(|recurring| recurring.model.word()),
            response_code,
            scheme_reference_id: (),
            brand: brand.id(),
        })
    }
}

impl CaptureDetails {
    fn of(order: &Order, transaction: &Transaction, zone: &TimeZone) -> anyhow::Result<Option<Self>> {
        if transaction.capturing == Capturing::Immediate {
            return Ok(None);
        }
        let expires_at = match transaction.state {
            State::Authorised { expires_at, .. } => Some(expires_at),
            _ => None,
        };
        Ok(Some(Self {
            capture: "manual",
            capture_expiry: expires_at.map(|at| wall_clock(at, zone)).transpose()?,
            capture_remain: order.capturable(),
        }))
    }
}

impl<'a> Approved<'a> {
    fn of(approval: &'a Approval, authentication: Option<&Authentication>) -> Self {
        Self {
            authorization_code: &approval.authorization_code,
            card_acceptor_id: (),
            card_acceptor_location: (),
            card_acceptor_name: (),
            card_authentication_details: authentication
                .map(|authentication| AuthenticationDetails { flow: authentication.flow.word() }),
            card_verification_result: approval.cvc_result.as_deref(),
        }
    }
}

impl<'a> AuthenticationResult<'a> {
    fn of(authentication: &'a Authentication) -> Self {
        Self {
            acs_transaction_id: authentication.acs_transaction_id.as_deref(),
            cavv: authentication.cavv.as_deref(),
            challenge_cancel: authentication.cancel.as_deref(),
            ds_transaction_id: authentication.ds_transaction_id.as_deref(),
            eci: authentication.eci.as_deref(),
            status: authentication.status.letter(),
            transaction_status_reason: authentication.reason.as_deref(),
            version: &authentication.version,
        }
    }
}

impl<'a> PaymentMethod<'a> {
    pub(super) fn of(transaction: &'a Transaction, description: &'a str, status: &'static str) -> Self {
        let card = &transaction.card;
        Self {
            account_holder_name: &card.holder,
            amount: transaction.amount.minor,
            card_expiry_date: card.expiry.yymm(),
            currency: transaction.amount.currency.code(),
            description,
            last4: &card.last4,
            payment_description: card.brand.name(),
            status,
            brand: card.brand.id(),
        }
    }
}
