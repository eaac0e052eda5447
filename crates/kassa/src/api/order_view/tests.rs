//! The whole object for every state an order can be in, and what holds for all of them.

mod any_order;
pub(crate) mod orders;
mod parts;
mod rules;

use super::*;
use crate::notify::sign::canonical;
use orders::*;
use payments::session::Ending;
use serde_json::json;

fn amsterdam() -> TimeZone {
    TimeZone::get("Europe/Amsterdam").unwrap()
}

fn shown(order: &Order) -> Value {
    render(order, &amsterdam()).unwrap()
}

/// `base` with the values at these JSON pointers replaced; a pointer behind `-` is taken out.
fn with(base: &Value, changes: &[(&str, Value)]) -> Value {
    let mut value = base.clone();
    for (pointer, new) in changes {
        let path = pointer.trim_start_matches('-');
        let (parent, key) = path.rsplit_once('/').unwrap();
        let parent = value.pointer_mut(parent).expect(path);
        let object = parent.as_object_mut().expect(path);
        if pointer.starts_with('-') {
            object.remove(key).expect(path);
        } else {
            object.insert(key.to_owned(), new.clone());
        }
    }
    value
}

fn unpaid() -> Value {
    json!({
        "amount": 1000,
        "amount_refunded": 0,
        "costs": [],
        "created": "2025-07-31T11:14:35",
        "currency": "EUR",
        "custom_info": {"custom_1": "a", "custom_2": null, "custom_3": null},
        "customer": {
            "address1": "Kraanspoor",
            "address2": null,
            "city": "Amsterdam",
            "country": "NL",
            "country_name": "Netherlands",
            "email": "simon@example.com",
            "first_name": "Simon",
            "house_number": "039",
            "last_name": "Smit",
            "locale": "nl_NL",
            "phone1": "0208500500",
            "phone2": null,
            "state": null,
            "zip_code": "1033 SC",
        },
        "description": "Two tickets",
        "fastcheckout": "NO",
        "financial_status": "initialized",
        "items": null,
        "modified": "2025-07-31T11:16:42",
        "order_id": "000069038",
        "payment_details": {},
        "payment_methods": [],
        "reason": null,
        "reason_code": null,
        "related_transactions": null,
        "status": "initialized",
        "var1": null,
        "var2": "840",
        "var3": null,
    })
}

fn completed() -> Value {
    with(
        &unpaid(),
        &[
            ("/completed", json!("2025-07-31T11:16:42")),
            ("/financial_status", json!("completed")),
            ("/status", json!("completed")),
            ("/transaction_id", json!(1_753_953_275_109_182_i64)),
            (
                "/payment_details",
                json!({
                    "account_holder_name": "S. Smit",
                    "account_id": null,
                    "acquirer_reference_number": null,
                    "authorization_code": "012356",
                    "card_acceptor_id": null,
                    "card_acceptor_location": null,
                    "card_acceptor_name": null,
                    "card_authentication_details": {"flow": "challenge"},
                    "card_authentication_result": {
                        "acs_transaction_id": "c3f6a1f0-8f5c-4b57-9f0a-6c4f7f0a2b3c",
                        "cavv": "AAABBWcSNIdjeUZThmNHAAAAAAA=",
                        "ds_transaction_id": "d65e93c3-35ab-41ba-b307-767bfc19eae3",
                        "eci": "02",
                        "status": "Y",
                        "version": "2.2.0",
                    },
                    "card_entry_mode": "UNKNOWN",
                    "card_expiry_date": "3012",
                    "card_verification_result": "M",
                    "collecting_flow": null,
                    "external_transaction_id": null,
                    "issuer_bin": "679999",
                    "last4": "0011",
                    "mcc": null,
                    "recurring_flow": null,
                    "recurring_id": null,
                    "recurring_model": null,
                    "response_code": "00",
                    "scheme_reference_id": null,
                    "type": "MAESTRO",
                }),
            ),
            (
                "/payment_methods",
                json!([{
                    "account_holder_name": "S. Smit",
                    "amount": 1000,
                    "card_expiry_date": "3012",
                    "currency": "EUR",
                    "description": "Two tickets",
                    "last4": "0011",
                    "payment_description": "Maestro",
                    "status": "completed",
                    "type": "MAESTRO",
                }]),
            ),
        ],
    )
}

/// A completed order's object with what only an approval brings taken out, in another status.
fn unapproved(status: &str, response_code: &Value, authenticated: &Value) -> Value {
    let mut value = with(
        &completed(),
        &[
            ("-/completed", Value::Null),
            ("/status", json!(status)),
            ("/financial_status", json!(status)),
            ("-/payment_details/authorization_code", Value::Null),
            ("-/payment_details/card_acceptor_id", Value::Null),
            ("-/payment_details/card_acceptor_location", Value::Null),
            ("-/payment_details/card_acceptor_name", Value::Null),
            ("-/payment_details/card_authentication_details", Value::Null),
            ("-/payment_details/card_verification_result", Value::Null),
            ("/payment_details/card_authentication_result", authenticated.clone()),
            ("/payment_details/response_code", response_code.clone()),
        ],
    );
    value["payment_methods"][0]["status"] = json!(status);
    value
}

/// What 3-D Secure answered in [`completed`].
fn authenticated() -> Value {
    completed()["payment_details"]["card_authentication_result"].clone()
}

#[test]
fn before_any_attempt_there_is_no_transaction_and_no_method() {
    assert_eq!(shown(&order()), unpaid());
    let replaced = shown(&ended(order(), Ending::Replaced));
    assert_eq!(replaced, unpaid(), "another session was opened");
}

#[test]
fn a_completed_order_shows_all_that_is_known_of_its_card() {
    assert_eq!(shown(&paid_by(completed_state())), completed());
    assert_eq!(
        canonical(&shown(&paid_by(completed_state()))),
        include_str!("tests/completed.json").trim_end(),
        "byte for byte what the notification carries"
    );
}

#[test]
fn a_card_that_is_being_authenticated_is_shown_already() {
    let mut transaction = transaction(State::Authenticating);
    transaction.authentication = None;
    let expected = unapproved("initialized", &Value::Null, &Value::Null);
    assert_eq!(shown(&tried(transaction)), expected);
    for state in [State::Authorising, State::Unknown { asked: 3 }, State::Reversing { sent: 1 }] {
        let expected = unapproved("initialized", &Value::Null, &authenticated());
        assert_eq!(shown(&paid_by(state)), expected, "money may be moving");
    }
}

#[test]
fn a_held_order_shows_its_approval_and_is_not_completed() {
    let mut expected = with(
        &completed(),
        &[
            ("-/completed", Value::Null),
            ("/status", json!("uncleared")),
            ("/financial_status", json!("uncleared")),
        ],
    );
    expected["payment_methods"][0]["status"] = json!("uncleared");
    assert_eq!(shown(&paid_by(uncleared_state())), expected);
}

#[test]
fn an_order_that_the_scheme_settles_is_completed_with_its_money_initialized() {
    let mut transaction = transaction(completed_state());
    transaction.settlement = payments::transaction::Settlement::Scheme;
    let expected = with(&completed(), &[("/financial_status", json!("initialized"))]);
    assert_eq!(shown(&tried(transaction)), expected);
}

#[test]
fn an_order_declined_by_the_authentication_says_why() {
    let mut transaction = transaction(State::Declined(Decline::authentication(Some("01"))));
    transaction.authentication = Some(not_authenticated());
    let expected = with(
        &unapproved(
            "declined",
            &json!("01"),
            &json!({
                "acs_transaction_id": "c3f6a1f0-8f5c-4b57-9f0a-6c4f7f0a2b3c",
                "challenge_cancel": "04",
                "ds_transaction_id": "d65e93c3-35ab-41ba-b307-767bfc19eae3",
                "status": "N",
                "transaction_status_reason": "01",
                "version": "2.2.0",
            }),
        ),
        &[
            ("/reason", json!("3DS Authentication Failed / Card authentication failed")),
            ("/reason_code", json!("3001")),
        ],
    );
    assert_eq!(shown(&tried(transaction)), expected);
}

#[test]
fn an_order_declined_by_the_issuer_says_why() {
    let decline = Decline::authorisation("51", payments::card::Brand::Maestro);
    let expected = json!({
        "amount": 1000,
        "amount_refunded": 0,
        "costs": [],
        "created": "2025-07-31T11:14:35",
        "currency": "EUR",
        "custom_info": {"custom_1": "a", "custom_2": null, "custom_3": null},
        "customer": unpaid()["customer"],
        "description": "Two tickets",
        "fastcheckout": "NO",
        "financial_status": "declined",
        "items": null,
        "modified": "2025-07-31T11:16:42",
        "order_id": "000069038",
        "payment_details": {
            "account_holder_name": "S. Smit",
            "account_id": null,
            "acquirer_reference_number": null,
            "card_authentication_result": authenticated(),
            "card_entry_mode": "UNKNOWN",
            "card_expiry_date": "3012",
            "collecting_flow": null,
            "external_transaction_id": null,
            "issuer_bin": "679999",
            "last4": "0011",
            "mcc": null,
            "recurring_flow": null,
            "recurring_id": null,
            "recurring_model": null,
            "response_code": "51",
            "scheme_reference_id": null,
            "type": "MAESTRO",
        },
        "payment_methods": [{
            "account_holder_name": "S. Smit",
            "amount": 1000,
            "card_expiry_date": "3012",
            "currency": "EUR",
            "description": "Two tickets",
            "last4": "0011",
            "payment_description": "Maestro",
            "status": "declined",
            "type": "MAESTRO",
        }],
        "reason": "Insufficient funds",
        "reason_code": "4002",
        "related_transactions": null,
        "status": "declined",
        "transaction_id": 1_753_953_275_109_182_i64,
        "var1": null,
        "var2": "840",
        "var3": null,
    });
    assert_eq!(shown(&paid_by(State::Declined(decline))), expected);
}

#[test]
fn an_expired_order_shows_the_card_that_was_left_behind() {
    let mut transaction = transaction(State::Expired);
    transaction.authentication = None;
    let expected = unapproved("expired", &Value::Null, &Value::Null);
    assert_eq!(shown(&tried(transaction)), expected);
}

#[test]
fn a_void_order_keeps_the_approval_that_was_released() {
    let mut expected = with(
        &completed(),
        &[("-/completed", Value::Null), ("/status", json!("void")), ("/financial_status", json!("void"))],
    );
    expected["payment_methods"][0]["status"] = json!("void");
    assert_eq!(shown(&paid_by(void_state())), expected);
}

#[test]
fn an_order_cancelled_with_an_open_card_is_void() {
    let expected = with(
        &unapproved("void", &Value::Null, &authenticated()),
        &[("/financial_status", json!("cancelled"))],
    );
    let cancelled = ended(paid_by(State::Cancelled), Ending::Cancelled);
    assert_eq!(shown(&cancelled), expected);
}

#[test]
fn an_order_whose_open_card_gave_way_to_a_new_request_is_initialized() {
    let expected = unapproved("initialized", &Value::Null, &authenticated());
    assert_eq!(shown(&paid_by(State::Cancelled)), expected);
}

#[test]
fn an_order_that_nobody_tried_to_pay_ends_without_a_financial_status() {
    let expected = with(&unpaid(), &[("/status", json!("cancelled")), ("/financial_status", Value::Null)]);
    for why in [Ending::Cancelled, Ending::Expired] {
        let order = ended(order(), why);
        assert_eq!(shown(&order), expected);
        assert!(notify::is_pretransaction(&order));
    }
}

#[test]
fn only_the_end_of_an_untried_order_is_a_pretransaction() {
    assert!(!notify::is_pretransaction(&order()));
    assert!(!notify::is_pretransaction(&ended(order(), Ending::Replaced)));
    for state in every_state() {
        for why in [Ending::Cancelled, Ending::Expired, Ending::Replaced] {
            let order = ended(paid_by(state.clone()), why);
            assert!(!notify::is_pretransaction(&order), "{state:?} {why:?}");
        }
    }
}

#[test]
fn the_attempt_that_paid_is_shown_whatever_came_before_and_after() {
    let mut paid = paid_by(completed_state());
    let mut declined = transaction(State::Declined(Decline::blocked()));
    declined.id = payments::ids::TransactionId(1_753_953_000_000_001);
    declined.card.last4 = "9999".to_owned();
    paid.transactions.insert(0, declined.clone());
    paid.transactions.push(declined);
    assert_eq!(shown(&paid), completed());
}
