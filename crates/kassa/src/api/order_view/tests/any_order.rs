//! Any order at all: texts of every character, every state, every card.

use super::orders::{every_state, order, transaction};
use crate::api::create_order::Details;
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

fn details() -> impl Strategy<Value = String> {
    let countries = prop::option::of(prop::sample::select(celes::Country::get_countries().to_vec()));
    (prop::collection::vec(maybe(), 20), countries).prop_map(|(texts, country)| {
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
        ] {
            *field = next();
        }
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
