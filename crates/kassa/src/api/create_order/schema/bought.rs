//! What is bought, in the document: the cart, its taxes, and what the shop sends for its own sake.

use crate::api::create_order::cart::{PRICE_MAX, QUANTITY_MAX, TEXT_MAX};
use crate::api::create_order::extras::{ITEMS_MAX, PLUGIN};
use crate::api::create_order::template::COLOURS;
use crate::api::schema::{Field, field, flag, inner_object, object, required, text, text_within};
use payments::money::Currency;
use serde_json::{Value, json};

/// `shopping_cart`.
pub(super) fn cart() -> Value {
    inner_object(vec![field("items", "What is bought; shipping and discounts are items too.", list(&item()))])
}

fn item() -> Value {
    let long = || text_within(TEXT_MAX);
    let loose = || json!({ "title": "text" });
    let currencies: Vec<Value> =
        Currency::all().map(|currency| currency.code().into()).chain(["".into(), Value::Null]).collect();
    let currency = json!({ "title": "the order's currency", "enum": currencies });
    let weight = inner_object(vec![
        field("unit", "Such as `KG`.", text()),
        field("value", "How many of them.", maybe(decimal(-QUANTITY_MAX, QUANTITY_MAX))),
    ]);
    object(vec![
        field("name", "What it is called.", long()),
        field("description", "More about it.", long()),
        required(
            "unit_price",
            "The price of one, without VAT; negative for a discount.",
            decimal(-PRICE_MAX, PRICE_MAX),
        ),
        required("quantity", "How many.", decimal(0, QUANTITY_MAX)),
        field("merchant_item_id", "The shop's own id of it.", long()),
        field("tax_table_selector", "The tax table it is under; nothing for the default one.", long()),
        field("currency", "In which currency the price is.", currency),
        field("weight", "What it weighs.", weight),
        field("cashback", "Echoed.", loose()),
        field("image", "Echoed, and never loaded.", loose()),
        field("product_url", "Echoed.", loose()),
        field("options", "Echoed.", json!({ "title": "list" })),
    ])
}

/// `checkout_options`.
pub(super) fn taxes() -> Value {
    let rate = || field("rate", "A fraction: 0.21 is 21 %.", maybe(decimal(0, 1)));
    let rule = object(vec![rate(), field("country", "Where it is charged.", text())]);
    let table = object(vec![
        field("name", "What items call it.", text()),
        field("standalone", "Echoed.", flag()),
        field("rules", "Its rates, of which the first counts.", list(&rule)),
    ]);
    let default = inner_object(vec![rate(), field("shipping_taxed", "Echoed.", flag())]);
    let tables = inner_object(vec![
        field("default", "What is charged on items that name no table.", default),
        field("alternate", "The tables that items can name.", list(&table)),
    ]);
    inner_object(vec![
        field("validate_cart", "Whether the cart's total has to be the order's amount.", flag()),
        field("tax_tables", "The taxes on the cart.", tables),
    ])
}

/// `items`.
pub(super) fn html() -> Value {
    json!({
        "title": format!("HTML of at most {ITEMS_MAX} bytes"),
        "anyOf": [
            // A letter has at most four bytes, and of these one.
            { "type": "string", "maxLength": ITEMS_MAX / 4 },
            { "type": "string", "maxLength": ITEMS_MAX, "pattern": r"^[\u0000-\u007f]*$" },
            { "type": "array", "maxItems": 0 },
            { "type": "null" },
        ],
    })
}

/// What is kept and read by nobody.
pub(super) fn extras() -> Vec<Field> {
    let said = |name, about: &str| field(name, about, json!({ "title": "text" }));
    let chance = inner_object(vec![
        field("send_email", "Whether a reminder may be mailed. None is, so far.", flag()),
        field("send_mail", "The same, when `send_email` is not there.", json!({ "title": "true or false" })),
    ]);
    // Of another type they are not worth refusing an order.
    let plugin = PLUGIN.map(|name| said(name, "Kept."));
    let analytics =
        vec![said("account", "Kept; our pages load nothing of it."), said("account_id", "The same.")];
    vec![
        field("second_chance", "Reminders of unpaid orders.", chance),
        field("plugin", "The shop's software and its versions.", described(plugin.into())),
        field("google_analytics", "Where the shop counts its visitors.", described(analytics)),
    ]
}

/// `payment_options.template`: anything is taken, and what is understood has an effect.
pub(super) fn template() -> Value {
    let switches = [
        ("hide_logo", "No badge of the shop."),
        ("hide_flags", "No choice of language."),
        ("hide_powered", "No word of who secures the page."),
        ("hide_cart", "No list of what is bought."),
        ("hide_btn_cancel", "No way back to the shop."),
        ("hide_cc_logos", "No marks of the card brands."),
        ("hide_btn_all_methods", "No other methods than the one ordered."),
    ];
    let switches = switches.map(|(name, about)| field(name, about, json!({ "title": "true or false" })));
    let mut template = inner_object(vec![field("settings", "What is left out.", described(switches.into()))]);
    template["anyOf"][0]["description"] = format!("And colours: {}.", COLOURS.join(", ")).into();
    template
}

/// Members that are described, and whatever is sent instead of them taken.
fn described(fields: Vec<Field>) -> Value {
    let mut object = object(fields);
    if let Some(object) = object.as_object_mut() {
        object.remove("type");
        object.insert("title".to_owned(), "object".into());
    }
    object
}

/// A list of these objects; `{}` stands for an empty one, and `[]` for an empty object in it.
fn list(entry: &Value) -> Value {
    json!({ "anyOf": [
        { "type": "array", "items": entry },
        { "type": "object", "maxProperties": 0 },
        { "type": "null" },
    ] })
}

fn maybe(mut schema: Value) -> Value {
    if let Some(ways) = schema["anyOf"].as_array_mut() {
        ways.push(json!({ "enum": ["", null] }));
    }
    schema
}

/// A decimal as a number or as text.
fn decimal(min: i64, max: i64) -> Value {
    let digits = max.to_string().len();
    let text = if max == 1 {
        r"^(?:-?0+(?:\.0+)?|0?\.[0-9]{1,10}|1(?:\.0{1,10})?)$".to_owned()
    } else {
        let sign = if min < 0 { "-?" } else { "" };
        format!(r"^{sign}(?:[0-9]{{1,{}}}(?:\.[0-9]{{1,10}})?|\.[0-9]{{1,10}})$", digits - 1)
    };
    json!({
        "title": format!("number from {min} to {max}, or the same as text"),
        "anyOf": [{ "type": "number", "minimum": min, "maximum": max }, { "type": "string", "pattern": text }],
    })
}
