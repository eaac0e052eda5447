//! Who pays how, in the document: the shop's own card data, kept cards, and what goes with what.
//!
//! What depends on another field stands twice: described where people look for it, and as a rule in [`rules`].

use crate::api::create_order::paying::HOLDER_MAX;
use crate::api::schema::{SOLID, any_case, field, filled_text, flag, gateways, inner_object, object, yymm};
use payments::card::{Brand, Gateway};
use payments::token::Model;
use serde_json::{Value, json};

/// The string format of card numbers: 12 to 19 digits, the last of which checks the others.
const CARD_NUMBER: &str = "card-number";

/// `gateway_info`, of which only a direct order reads anything.
pub(super) fn gateway_info() -> Value {
    let said = |name, about: &str, kind: &str| field(name, about, json!({ "title": kind }));
    inner_object(vec![
        said(
            "card_number",
            "The card's number. Only with `type: direct`, like all of this.",
            "12 to 19 digits",
        ),
        said("card_holder_name", "The name on the card.", &format!("text of 1 to {HOLDER_MAX} characters")),
        said("card_expiry_date", "The card's year and month.", "YYMM"),
        said(
            "card_cvc",
            "The code on the card; may be missing with Maestro and with `moto`.",
            "3 digits, 4 of AMEX",
        ),
        said("cvc", "The same, when `card_cvc` is not there.", "3 digits, 4 of AMEX"),
        said(
            "moto",
            "The order came by mail or telephone: no 3-D Secure. Not with Maestro.",
            "true or false",
        ),
        said(
            "flexible_3d",
            "Whether the customer is authenticated before the card is charged; otherwise only if the bank wants it. Maestro \
             always is.",
            "true or false",
        ),
    ])
}

/// `recurring`.
pub(super) fn recurring() -> Value {
    let said = |name, about: &str, kind: String| field(name, about, json!({ "title": kind }));
    inner_object(vec![
        said(
            "model",
            "The same as `recurring_model`, when that is not there.",
            format!("{}, in any case", models()),
        ),
        said(
            "id",
            "The same as `recurring_id`, when that is not there.",
            "text, at most 500 characters".to_owned(),
        ),
    ])
}

/// `recurring_model`.
pub(super) fn model() -> Value {
    json!({
        "title": format!("{}, in any case", models()),
        "anyOf": [{ "type": "string", "pattern": model_pattern() }, { "enum": ["", null] }],
    })
}

fn models() -> String {
    Model::ALL.map(|model| format!("`{}`", model.word())).join(", ")
}

fn model_pattern() -> String {
    format!("^(?:{})$", Model::ALL.map(|model| any_case(model.word())).join("|"))
}

/// What holds between fields.
pub(super) fn rules() -> Vec<Value> {
    let is_direct = json!({ "required": ["type"], "properties": { "type": { "const": "direct" } } });
    let of_page = json!({ "properties": {
        "recurring_id": nothing(),
        "recurring": inner_object(vec![field("id", "", nothing())]),
    } });
    let ways = json!({ "anyOf": [by_token(), by_card(Brand::Visa), by_card(Brand::Mastercard),
        by_card(Brand::Amex), by_card(Brand::Maestro)] });
    let kept = json!({ "anyOf": [
        { "required": ["recurring_model"], "properties": { "recurring_model": filled() } },
        { "required": ["recurring"], "properties": { "recurring": {
            "type": "object", "required": ["model"], "properties": { "model": filled() },
        } } },
    ] });
    let of_customer = json!({ "required": ["customer"], "properties": {
        "customer": { "type": "object", "required": ["reference"], "properties": { "reference": filled_text(500) } },
        "recurring": inner_object(vec![field("model", "", model())]),
    } });
    vec![
        json!({ "if": is_direct, "then": ways, "else": of_page }),
        json!({ "if": kept, "then": of_customer }),
    ]
}

fn nothing() -> Value {
    json!({ "title": "nothing", "enum": ["", null] })
}

fn filled() -> Value {
    json!({ "not": { "enum": ["", null] } })
}

/// A card that was kept before; one that nobody knows is 410.
fn by_token() -> Value {
    let token = json!({ "type": "string", "pattern": "^[1-9][0-9]{17}$" });
    json!({ "required": ["recurring_id"], "properties": { "recurring_id": token } })
}

/// A card of this brand, for an order that takes it.
fn by_card(brand: Brand) -> Value {
    let taking = gateways([Gateway::AnyCard, Gateway::Brand(brand)].into_iter());
    let gateway = json!({ "anyOf": [
        { "type": "string", "pattern": format!("^(?:{taking})$") }, { "enum": ["", null] },
    ] });
    json!({
        "required": ["gateway_info"],
        "properties": {
            "gateway": gateway,
            "gateway_info": card(brand),
            "recurring_id": nothing(),
            "recurring": inner_object(vec![field("id", "", nothing())]),
        },
    })
}

fn card(brand: Brand) -> Value {
    // Within these the few ranges of other schemes are left out.
    let number = match brand {
        Brand::Amex => "^3[47][0-9]{13}$",
        Brand::Maestro => "^679[0-9]{9,16}$",
        Brand::Mastercard => "^5[1-5][0-9]{14}$",
        Brand::Visa => "^4[0-8][0-9]{14}$",
    };
    let digits = brand.cvc_length();
    let cvc = json!({ "anyOf": [
        { "type": "string", "pattern": format!("^[0-9]{{{digits}}}$") },
        { "enum": [if digits == 3 { 123 } else { 1234 }] },
    ] });
    let maybe = json!({ "anyOf": [cvc.clone(), { "enum": ["", null] }] });
    // Names of the length of a card number's are not taken for names.
    let holder = json!({
        "type": "string", "maxLength": HOLDER_MAX,
        "allOf": [
            { "pattern": format!(r"^[^\u0000]*{SOLID}[^\u0000]*$") },
            { "pattern": r"^(?:[^0-9]*[0-9]){0,11}[^0-9]*$" },
        ],
    });
    let mut card = object(vec![
        field("card_number", "", json!({ "type": "string", "format": CARD_NUMBER, "pattern": number })),
        field("card_holder_name", "", holder),
        field("card_expiry_date", "", yymm()),
        field("card_cvc", "", maybe.clone()),
        field("cvc", "", maybe),
        field("moto", "", flag()),
        field("flexible_3d", "", flag()),
    ]);
    card["required"] = json!(["card_number", "card_holder_name", "card_expiry_date"]);
    if brand == Brand::Maestro {
        card["properties"]["moto"] = json!({ "enum": [false, 0, "false", "0", "", null] });
    } else {
        let by_mail =
            json!({ "required": ["moto"], "properties": { "moto": { "enum": [true, 1, "true", "1"] } } });
        let shown = json!({ "required": ["card_cvc"], "properties": { "card_cvc": cvc } });
        card["anyOf"] = json!([shown, by_mail]);
    }
    card
}
