//! Any order at all: texts of every character, every state, every card.

use super::orders::{every_state, order, transaction};
use crate::api::create_order::cart::{Item, ShoppingCart, Weight};
use crate::api::create_order::taxes::{CheckoutOptions, DefaultRate, TaxRule, TaxTable};
use crate::api::create_order::{Details, decimal};
use payments::card::{Brand, Expiry};
use payments::decline::Decline;
use payments::ids::{OrderId, TransactionId};
use payments::money::{Amount, Currency};
use payments::order::Order;
use payments::session::{Ended, Ending};
use payments::threeds::{Authentication, Flow, TransStatus};
use payments::time::Timestamp;
use payments::transaction::{Settlement, State, Transaction};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

/// Text of every character: control characters, quotes, line separators, letters beyond 16 bits. Digits are
/// never many enough in a row to be taken for a card number.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let character = prop_oneof![
        4 => any::<char>(),
        2 => prop::char::range('\0', '\u{1f}'),
        2 => prop::sample::select(vec!['"', '\\', '/', '<', '\u{7f}', '\u{85}', '\u{2028}', '\u{feff}', '€', '日', '🎟']),
        2 => prop::char::range(' ', '~').prop_filter("no digit", |letter| !letter.is_ascii_digit()),
    ];
    let free = prop::collection::vec(character, 0..24).prop_map(String::from_iter);
    prop_oneof![4 => free, 1 => "[0-9]{0,11}", 1 => Just(String::new())]
}

fn maybe() -> impl Strategy<Value = Option<String>> {
    prop::option::of(text())
}

/// A decimal of up to this many digits before the point and `decimals` behind it.
fn a_decimal(digits: u32, decimals: u32) -> impl Strategy<Value = Decimal> {
    let whole = 10_i64.pow(digits);
    (0..=decimals, -whole..=whole, 0..10_i64.pow(decimals)).prop_map(move |(scale, whole, fraction)| {
        let fraction = Decimal::new(fraction, decimals);
        decimal::rounded(Decimal::from(whole) + fraction, scale)
    })
}

fn item() -> impl Strategy<Value = Item> {
    let options = prop::sample::select(vec![json!(null), json!(1.5), json!({"a": [true, 0.25]}), json!("x")]);
    let value = prop::option::of(a_decimal(6, 4));
    let weight = prop::option::of((maybe(), value).prop_map(|(unit, value)| Weight { unit, value }));
    (
        prop::collection::vec(text(), 6),
        a_decimal(5, 10),
        a_decimal(3, 4),
        prop::sample::select(vec!["", "a", "b", "none"]),
        weight,
        prop::collection::vec(options, 0..3),
    )
        .prop_map(
            |(texts, unit_price, quantity, table, weight, options): (
                Vec<String>,
                _,
                Decimal,
                _,
                _,
                Vec<Value>,
            )| {
                let mut texts = texts.into_iter();
                let mut next = || texts.next().unwrap_or_default();
                Item {
                    name: next(),
                    description: next(),
                    unit_price,
                    quantity: quantity.abs(),
                    merchant_item_id: next(),
                    tax_table_selector: table.to_owned(),
                    currency: String::new(),
                    weight,
                    cashback: next(),
                    image: next(),
                    product_url: next(),
                    options,
                }
            },
        )
}

fn cart() -> impl Strategy<Value = (ShoppingCart, CheckoutOptions)> {
    let rate = || a_decimal(0, 4).prop_map(|rate| rate.abs().min(Decimal::ONE));
    (prop::collection::vec(item(), 1..5), prop::collection::vec((text(), rate()), 2), rate(), any::<bool>())
        .prop_map(|(items, rates, default, flag)| {
            let table = |(name, (country, rate)): (&str, (String, Decimal))| TaxTable {
                name: name.to_owned(),
                standalone: flag,
                rules: vec![TaxRule { rate, country }],
            };
            let taxes = CheckoutOptions {
                validate_cart: flag,
                default: DefaultRate { rate: default, shipping_taxed: flag },
                alternate: ["a", "b"].into_iter().zip(rates).map(table).collect(),
            };
            (ShoppingCart { items }, taxes)
        })
}

fn details() -> impl Strategy<Value = String> {
    let countries = prop::option::of(prop::sample::select(celes::Country::get_countries().to_vec()));
    let texts = prop::collection::vec(maybe(), 21);
    (texts, countries, prop::option::of(cart())).prop_map(|(texts, country, cart)| {
        let mut texts = texts.into_iter();
        let mut next = || texts.next().flatten();
        let mut details = Details::default();
        let customer = &mut details.customer;
        for field in [
            &mut customer.locale,
            &mut customer.first_name,
            &mut customer.last_name,
            &mut customer.company_name,
            &mut customer.address1,
            &mut customer.address2,
            &mut customer.house_number,
            &mut customer.zip_code,
            &mut customer.city,
            &mut customer.state,
            &mut customer.phone1,
            &mut customer.phone2,
            &mut customer.email,
            &mut customer.reference,
            &mut details.var1,
            &mut details.var2,
            &mut details.var3,
            &mut details.custom_info.custom_1,
            &mut details.custom_info.custom_2,
            &mut details.custom_info.custom_3,
            &mut details.items,
        ] {
            *field = next();
        }
        (details.shopping_cart, details.checkout_options) = cart.unzip();
        details.customer.country = country.map(|country| country.alpha2.to_owned());
        serde_json::to_string(&details).unwrap()
    })
}

fn authentication() -> impl Strategy<Value = Authentication> {
    let status = prop::sample::select(vec!["Y", "A", "N", "U", "R"]);
    (status, any::<bool>(), prop::collection::vec(maybe(), 6), text()).prop_map(
        |(status, challenge, texts, version)| {
            let mut texts = texts.into_iter();
            let mut next = || texts.next().flatten();
            Authentication {
                status: TransStatus::parse(status).unwrap(),
                flow: if challenge { Flow::Challenge } else { Flow::Frictionless },
                reason: next(),
                cancel: next(),
                eci: next(),
                cavv: next(),
                ds_transaction_id: next(),
                acs_transaction_id: next(),
                version,
            }
        },
    )
}

fn state() -> impl Strategy<Value = State> {
    let declined = (any::<u16>(), text(), maybe()).prop_map(|(reason_code, reason, response_code)| {
        State::Declined(Decline { reason_code, reason, response_code, ..Decline::blocked() })
    });
    let approved = (prop::sample::select(every_state()), text(), text(), maybe()).prop_map(
        |(mut state, code, response, cvc)| {
            if let State::Uncleared { approval, .. }
            | State::Completed { approval, .. }
            | State::Void { approval, .. } = &mut state
            {
                approval.authorization_code = code;
                approval.response_code = response;
                approval.cvc_result = cvc;
            }
            state
        },
    );
    prop_oneof![1 => declined, 4 => approved]
}

fn attempt() -> impl Strategy<Value = Transaction> {
    (
        state(),
        prop::option::of(authentication()),
        prop::sample::select(Brand::ALL.to_vec()),
        (prop::option::of("[0-9]{6}"), "[0-9]{4}", 2000..2100_i16, 1..13_i8, text()),
        1_000_000_000_000_000..9_007_199_254_740_992_i64,
        amount(),
        any::<bool>(),
    )
        .prop_map(|(state, authentication, brand, card, id, amount, scheme)| {
            let mut attempt = transaction(state);
            attempt.id = TransactionId(id);
            attempt.authentication = authentication;
            attempt.amount = amount;
            if scheme {
                attempt.settlement = Settlement::Scheme;
            }
            let (bin, last4, year, month, holder) = card;
            attempt.card.brand = brand;
            attempt.card.bin = bin;
            attempt.card.last4 = last4;
            attempt.card.expiry = Expiry { year, month };
            attempt.card.holder = holder;
            attempt
        })
}

fn amount() -> impl Strategy<Value = Amount> {
    let currencies = prop::sample::select(vec!["EUR", "JPY", "KWD"]);
    (0..=payments::money::AMOUNT_MAX_MINOR, currencies)
        .prop_map(|(minor, currency)| Amount::new(minor, Currency::parse(currency).unwrap()))
}

/// Any order with up to three attempts; not all of them can come about.
pub(crate) fn any_order() -> impl Strategy<Value = Order> {
    let id = text().prop_filter_map("no order id", |text| OrderId::parse(&text));
    let endings = vec![Ending::Expired, Ending::Cancelled, Ending::Replaced];
    (
        id,
        amount(),
        text(),
        details(),
        prop::collection::vec(attempt(), 0..4),
        prop::option::of(prop::sample::select(endings)),
        // 1970 to 2100.
        (0..4_102_444_800_000_i64, 0..4_102_444_800_000_i64),
    )
        .prop_map(|(id, amount, description, details, transactions, ended, times)| {
            let mut order = order();
            order.id = id;
            order.terms.amount = amount;
            order.terms.description = description;
            order.terms.details = details;
            order.transactions = transactions;
            (order.created_at, order.modified_at) = (Timestamp(times.0), Timestamp(times.1));
            order.session.ended = ended.map(|why| Ended { why, at: order.modified_at });
            order
        })
}
