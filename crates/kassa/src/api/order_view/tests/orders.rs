//! Orders to show, in every state.

use payments::card::{Brand, CardSummary, Expiry, Gateway};
use payments::decline::Decline;
use payments::ids::{OrderId, SessionId, SiteId, TransactionId};
use payments::money::{Amount, Currency};
use payments::order::{Order, Terms};
use payments::ranges::Issued;
use payments::session::{Ended, Ending, Session};
use payments::threeds::{Authentication, Flow, TransStatus};
use payments::time::{Millis, Timestamp};
use payments::transaction::{Approval, Capturing, Review, Settlement, State, Transaction, Verdict};
use serde_json::json;

pub(crate) const SESSION: &str = "13oElUaESR7YS2b4gUJV9oI4tUXeb1mj1D8";
/// 2025-07-31T09:14:35Z, and the two digits of milliseconds that are never printed.
const CREATED: Timestamp = Timestamp(1_753_953_275_099);
/// 2025-07-31T09:16:42Z.
const MODIFIED: Timestamp = Timestamp(1_753_953_402_001);

/// An order that nobody tried to pay yet.
pub(crate) fn order() -> Order {
    Order {
        site: SiteId(7),
        id: OrderId::parse("000069038").unwrap(),
        version: 3,
        terms: Terms {
            gateway: Some(Gateway::AnyCard),
            amount: Amount::new(1000, Currency::parse("EUR").unwrap()),
            description: "Two tickets".to_owned(),
            capturing: Capturing::Immediate,
            recurring: None,
            details: json!({
                "customer": {
                    "address1": "Kraanspoor", "city": "Amsterdam", "country": "NL", "email": "simon@example.com",
                    "first_name": "Simon", "house_number": "039", "ip_address": "192.0.2.7", "last_name": "Smit",
                    "locale": "nl_NL", "phone1": "0208500500", "user_agent": "Browser", "zip_code": "1033 SC",
                },
                "custom_info": {"custom_1": "a"},
                "payment_options": {"notification_url": "https://shop.example/notify?token=t"},
                "var2": "840",
            })
            .to_string(),
        },
        session: Session {
            id: SessionId::parse(SESSION).unwrap(),
            opened_at: CREATED,
            ends_at: CREATED.plus(Millis::days(30)),
            attempts: 1,
            digest: [0; 32],
            ended: None,
        },
        transactions: Vec::new(),
        movements: Vec::new(),
        shipped_at: None,
        annotations: String::new(),
        captured_from: None,
        created_at: CREATED,
        modified_at: MODIFIED,
    }
}

/// The order, whose session has ended.
pub(crate) fn ended(mut order: Order, why: Ending) -> Order {
    order.session.ended = Some(Ended { why, at: MODIFIED });
    order
}

/// The order with one attempt in `state`.
pub(crate) fn paid_by(state: State) -> Order {
    tried(transaction(state))
}

/// The order with one attempt.
pub(crate) fn tried(transaction: Transaction) -> Order {
    let mut order = order();
    order.transactions.push(transaction);
    order
}

/// An attempt that was authenticated after a challenge.
pub(crate) fn transaction(state: State) -> Transaction {
    Transaction {
        id: TransactionId(1_753_953_275_109_182),
        session: SessionId::parse(SESSION).unwrap(),
        created_at: CREATED,
        modified_at: MODIFIED,
        amount: order().terms.amount,
        card: CardSummary {
            brand: Brand::Maestro,
            bin: Some("679999".to_owned()),
            last4: "0011".to_owned(),
            expiry: Expiry { year: 2030, month: 12 },
            holder: "S. Smit".to_owned(),
            issued: Issued::default(),
        },
        settlement: Settlement::Gateway,
        capturing: Capturing::Immediate,
        completion: None,
        authorised_by: None,
        second_try: None,
        token: None,
        authentication: Some(authenticated()),
        state,
    }
}

pub(crate) fn authenticated() -> Authentication {
    Authentication {
        status: TransStatus::Authenticated,
        flow: Flow::Challenge,
        reason: None,
        cancel: None,
        eci: Some("02".to_owned()),
        cavv: Some("AAABBWcSNIdjeUZThmNHAAAAAAA=".to_owned()),
        ds_transaction_id: Some("d65e93c3-35ab-41ba-b307-767bfc19eae3".to_owned()),
        acs_transaction_id: Some("c3f6a1f0-8f5c-4b57-9f0a-6c4f7f0a2b3c".to_owned()),
        version: "2.2.0".to_owned(),
    }
}

pub(crate) fn not_authenticated() -> Authentication {
    Authentication {
        status: TransStatus::NotAuthenticated,
        reason: Some("01".to_owned()),
        cancel: Some("04".to_owned()),
        eci: None,
        cavv: None,
        ..authenticated()
    }
}

fn approval() -> Approval {
    Approval {
        authorization_code: "012356".to_owned(),
        response_code: "00".to_owned(),
        fraud_score: 1,
        cvc_result: Some("M".to_owned()),
    }
}

pub(crate) fn completed_state() -> State {
    completed_at_state(MODIFIED)
}

pub(crate) fn completed_at_state(at: Timestamp) -> State {
    State::Completed { approval: approval(), at }
}

pub(crate) fn uncleared_state() -> State {
    State::Uncleared {
        approval: approval(),
        review: Review { ends_at: MODIFIED.plus(Millis::days(5)), verdict: Verdict::Reject },
    }
}

pub(crate) fn void_state() -> State {
    State::Void { approval: approval(), released_at: Some(MODIFIED) }
}

/// One of every state.
pub(crate) fn every_state() -> Vec<State> {
    let states = vec![
        State::Authenticating,
        State::Authorising,
        State::Unknown { asked: 1 },
        State::Reversing { sent: 1 },
        uncleared_state(),
        State::Authorised { approval: approval(), at: MODIFIED, expires_at: MODIFIED.plus(Millis::days(7)) },
        completed_state(),
        State::Declined(Decline::authorisation("51", Brand::Maestro)),
        State::Expired,
        void_state(),
        State::Cancelled,
    ];
    for state in &states {
        // A new state breaks this match: list it above as well.
        match state {
            State::Authenticating
            | State::Authorising
            | State::Unknown { .. }
            | State::Reversing { .. }
            | State::Uncleared { .. }
            | State::Authorised { .. }
            | State::Completed { .. }
            | State::Declined(_)
            | State::Expired
            | State::Void { .. }
            | State::Cancelled => {}
        }
    }
    states
}
