//! Carts and their taxes: what is read, what they cost, and what is refused.

use super::*;
use crate::api::create_order::decimal;
use payments::money::Currency;
use rust_decimal::Decimal;

/// A cart with the sums of the documentation's worked example.
const DOCUMENTED: &str = r#"{
    "amount": 7495,
    "shopping_cart": {"items": [
        {"name": "Item A", "unit_price": "18.0472", "quantity": 2, "tax_table_selector": "high"},
        {"name": "Item B", "unit_price": 18.0001, "quantity": "1", "tax_table_selector": "low"},
        {"name": "Item C", "unit_price": "11.0254", "quantity": 1.0}
    ]},
    "checkout_options": {"validate_cart": true, "tax_tables": {
        "default": {"shipping_taxed": true, "rate": "0.0575"},
        "alternate": [
            {"name": "high", "standalone": "", "rules": [{"rate": 0.21, "country": "NL"}]},
            {"name": "low", "standalone": true, "rules": [{"rate": "0.09", "country": ""}, {"rate": 0.5}]}
        ]
    }}
}"#;

/// The smallest order with these members besides.
fn with(members: &str) -> String {
    let rest = members.trim().strip_prefix('{').unwrap();
    let amount = if members.contains("\"amount\"") { "" } else { r#""amount":1000,"# };
    format!(r#"{{"order_id":"1","currency":"EUR","description":"x",{amount}{rest}"#)
}

fn read(text: &str) -> Result<CreateOrder, Error> {
    let body = crate::api::json::parse(text.as_bytes()).expect(text);
    super::super::parse(&body, &Written::of(text.as_bytes()), &TEST)
}

/// An order with one item of these members.
fn item(members: &str) -> Result<CreateOrder, Error> {
    read(&with(&format!(r#"{{"shopping_cart":{{"items":[{{{members}}}]}}}}"#)))
}

/// The totals of a cart, as `net + tax = total`.
fn costs(currency: &str, items: &[(&str, &str, &str)], rates: &[(&str, &str)]) -> String {
    let item = |(price, quantity, selector): &(&str, &str, &str)| json!({"name": "x", "unit_price": price, "quantity": quantity, "tax_table_selector": selector});
    let table = |(name, rate): &(&str, &str)| json!({"name": name, "rules": [{"rate": rate}]});
    let (default, alternate) = rates.split_first().unwrap();
    let body = json!({
        "order_id": 1, "currency": currency, "amount": 1, "description": "x",
        "shopping_cart": {"items": items.iter().map(item).collect::<Vec<_>>()},
        "checkout_options": {"tax_tables": {
            "default": {"rate": default.1}, "alternate": alternate.iter().map(table).collect::<Vec<_>>(),
        }},
    });
    let details = parse(&body, &TEST).unwrap().details;
    let currency = Currency::parse(currency).unwrap();
    let totals = details.shopping_cart.unwrap().totals(&details.checkout_options.unwrap(), currency).unwrap();
    format!("{} + {} = {}", totals.net, totals.tax, totals.total)
}

#[test]
fn the_sums_are_rounded_once_and_half_a_cent_up() {
    let none = [("", "0")];
    let half = [("", "0.5")];
    for (currency, items, rates, expected) in [
        ("EUR", &[("10", "1", "")][..], &none[..], "10.00 + 0.00 = 10.00"),
        ("EUR", &[("0.005", "1", "")], &none, "0.01 + 0.00 = 0.01"),
        ("EUR", &[("0.0049999999", "1", "")], &none, "0.00 + 0.00 = 0.00"),
        // Rounded line by line this would be 0.02.
        ("EUR", &[("0.005", "1", ""), ("0.005", "1", "")], &none, "0.01 + 0.00 = 0.01"),
        ("EUR", &[("0.025", "1", "")], &none, "0.03 + 0.00 = 0.03"),
        ("EUR", &[("0.035", "1", "")], &none, "0.04 + 0.00 = 0.04"),
        // Net and VAT are each rounded before they are added up.
        ("EUR", &[("0.01", "1", "")], &half, "0.01 + 0.01 = 0.02"),
        ("EUR", &[("10", "1", ""), ("-2.5", "2", "")], &half, "5.00 + 2.50 = 7.50"),
        ("EUR", &[("-0.005", "1", "")], &none, "-0.01 + 0.00 = -0.01"),
        ("EUR", &[("-0.001", "1", "")], &none, "0.00 + 0.00 = 0.00"),
        ("EUR", &[("1", "0", "")], &half, "0.00 + 0.00 = 0.00"),
        ("EUR", &[("2.5", "1.5", "")], &none, "3.75 + 0.00 = 3.75"),
        ("EUR", &[("41.3223140496", "1", "")], &[("", "0.21")], "41.32 + 8.68 = 50.00"),
        ("JPY", &[("99.5", "1", "")], &none, "100 + 0 = 100"),
        ("JPY", &[("100", "1", "")], &[("", "0.105")], "100 + 11 = 111"),
        ("KWD", &[("0.0005", "1", "")], &none, "0.001 + 0.000 = 0.001"),
        // The table that is named, the first of its name; the default for another name.
        ("EUR", &[("10", "1", "a")], &[("", "0"), ("a", "0.2"), ("a", "0.3")], "10.00 + 2.00 = 12.00"),
        ("EUR", &[("10", "1", "b")], &[("", "0.1"), ("a", "0.2")], "10.00 + 1.00 = 11.00"),
        ("EUR", &[("10", "1", "0.21")], &[("", "0.1"), ("0.21", "0.21")], "10.00 + 2.10 = 12.10"),
        ("EUR", &[("10", "1", "")], &[("", "0.1"), ("", "0.2")], "10.00 + 1.00 = 11.00"),
    ] {
        assert_eq!(costs(currency, items, rates), expected, "{currency} {items:?} {rates:?}");
    }
}

#[test]
fn the_documented_sums_come_out() {
    let order = read(&with(DOCUMENTED)).unwrap();
    let taxes = order.details.checkout_options.unwrap();
    let totals = order.details.shopping_cart.unwrap().totals(&taxes, order.amount.currency).unwrap();
    assert_eq!(format!("{} + {} = {}", totals.net, totals.tax, totals.total), "65.12 + 9.83 = 74.95");
}

#[test]
fn a_cart_that_is_to_be_compared_has_to_cost_the_amount() {
    for (amount, total) in
        [("7495", None), ("7494", Some("74.94")), ("7496", Some("74.96")), ("0", Some("0.00"))]
    {
        let text = with(DOCUMENTED).replace("7495", amount);
        let error = read(&text).err().map(|error| (error.code, error.info));
        let expected = total.map(|total| {
            let info =
                format!("Invalid shopping_cart: the cart's total is 74.95 EUR, not the amount {total}");
            (1027, info)
        });
        assert_eq!(error, expected, "{amount}");
    }
    for unchecked in
        [r#""validate_cart": false"#, r#""validate_cart": "false""#, r#""no_shipping_method": 1"#]
    {
        let text = with(DOCUMENTED).replace("7495", "1").replace(r#""validate_cart": true"#, unchecked);
        assert!(read(&text).is_ok(), "{unchecked}");
    }
    for empty in ["[]", "null", r#"{"items":[]}"#, r#"{"items":{}}"#] {
        let text =
            with(&format!(r#"{{"shopping_cart":{empty},"checkout_options":{{"validate_cart":true}}}}"#));
        let order = read(&text).unwrap();
        assert_eq!(order.details.shopping_cart, None, "{empty}: there is no cart to compare");
        assert_eq!(order.details.checkout_options, None, "{empty}");
    }
}

#[test]
fn every_broken_rule_of_a_cart_has_its_code() {
    let many = r#""unit_price":"12345678901.1234567891","quantity":"123456789.1234""#;
    for (members, code, field, what) in [
        (r#""quantity":1"#, 1031, ".unit_price", "is missing"),
        (r#""unit_price":null,"quantity":1"#, 1031, ".unit_price", "is missing"),
        (r#""unit_price":"","quantity":1"#, 1031, ".unit_price", "must be a price"),
        (r#""unit_price":"1,50","quantity":1"#, 1031, ".unit_price", "must be a price"),
        (r#""unit_price":"EUR 1","quantity":1"#, 1031, ".unit_price", "must be a price"),
        (r#""unit_price":"1e3","quantity":1"#, 1031, ".unit_price", "must be a price"),
        (r#""unit_price":1e300,"quantity":1"#, 1031, ".unit_price", "must be a price"),
        (r#""unit_price":100000000000,"quantity":1"#, 1031, ".unit_price", "at most 99999999999"),
        (r#""unit_price":-100000000000,"quantity":1"#, 1031, ".unit_price", "at most 99999999999"),
        (r#""unit_price":[],"quantity":1"#, 1031, ".unit_price", "must be a price"),
        (r#""unit_price":true,"quantity":1"#, 1031, ".unit_price", "must be a price"),
        (r#""unit_price":1"#, 1016, ".quantity", "is missing"),
        (r#""unit_price":1,"quantity":"""#, 1016, ".quantity", "is missing"),
        (r#""unit_price":1,"quantity":-1"#, 1016, ".quantity", "from 0 to 999999999"),
        (r#""unit_price":1,"quantity":"two""#, 1016, ".quantity", "from 0 to"),
        (r#""unit_price":1,"quantity":1000000000"#, 1016, ".quantity", "from 0 to"),
        (r#""unit_price":1,"quantity":{}"#, 1016, ".quantity", "from 0 to"),
        (r#""unit_price":1,"quantity":1,"currency":"eur""#, 1030, ".currency", "ISO 4217"),
        (r#""unit_price":1,"quantity":1,"currency":"EURO""#, 1030, ".currency", "ISO 4217"),
        (r#""unit_price":1,"quantity":1,"currency":978"#, 1030, ".currency", "ISO 4217"),
        (r#""unit_price":1,"quantity":1,"currency":"USD""#, 1026, "s", "in the order's currency"),
        (r#""unit_price":1,"quantity":1,"currency":"AMD""#, 1026, "s", "in the order's currency"),
        (r#""unit_price":1,"quantity":1,"name":true"#, 1016, ".name", "must be text"),
        (r#""unit_price":1,"quantity":1,"description":[]"#, 1016, ".description", "must be text"),
        (r#""unit_price":1,"quantity":1,"merchant_item_id":{}"#, 1016, ".merchant_item_id", "must be text"),
        (
            r#""unit_price":1,"quantity":1,"tax_table_selector":[]"#,
            1016,
            ".tax_table_selector",
            "must be text",
        ),
        (r#""unit_price":1,"quantity":1,"weight":"1 kg""#, 1016, ".weight", "must be an object"),
        (
            r#""unit_price":1,"quantity":1,"weight":{"value":"1 kg"}"#,
            1016,
            ".weight.value",
            "must be a number",
        ),
        (r#""unit_price":1,"quantity":1,"weight":{"unit":[]}"#, 1016, ".weight.unit", "must be text"),
        (many, 1031, "s", "too many digits"),
    ] {
        let error = item(members).expect_err(members);
        assert_eq!((error.status.as_u16(), error.code), (400, code), "{members}: {}", error.info);
        let field = if field == "s" { "s".to_owned() } else { format!("s[0]{field}") };
        assert!(error.info.starts_with(&format!("Invalid shopping_cart.item{field}: ")), "{}", error.info);
        assert!(error.info.contains(what), "{members}: {}", error.info);
        assert_plain(&error.info);
    }
    let two = r#"{"shopping_cart":{"items":[{"unit_price":1,"quantity":1,"currency":"EUR"},
        {"unit_price":1,"quantity":1},{"unit_price":1,"quantity":1,"currency":"USD"}]}}"#;
    let error = read(&with(two)).unwrap_err();
    assert_eq!(
        (error.code, error.info.as_str()),
        (1025, "Invalid shopping_cart.items: must all be in one currency")
    );
}

#[test]
fn every_broken_rule_of_the_tax_tables_has_its_code() {
    let cart = r#""shopping_cart":{"items":[{"unit_price":1,"quantity":1,"tax_table_selector":"a"}]}"#;
    for (tables, code, field, what) in [
        (r#"{"default":{"rate":"high"}}"#, 1028, "default.rate", "a fraction from 0 to 1"),
        (r#"{"default":{"rate":21}}"#, 1028, "default.rate", "a fraction from 0 to 1"),
        (r#"{"default":{"rate":-0.01}}"#, 1028, "default.rate", "a fraction from 0 to 1"),
        (r#"{"default":{"rate":"0,21"}}"#, 1028, "default.rate", "a fraction from 0 to 1"),
        (r#"{"default":{"rate":"21%"}}"#, 1028, "default.rate", "a fraction from 0 to 1"),
        (r#"{"default":{"rate":[]}}"#, 1028, "default.rate", "a fraction from 0 to 1"),
        (
            r#"{"alternate":[{"name":"x","rules":[{"rate":1.01}]}]}"#,
            1028,
            "alternate[0].rules[0].rate",
            "0 to 1",
        ),
        (r#"{"alternate":[{},{"rules":[{},{"rate":true}]}]}"#, 1028, "alternate[1].rules[1].rate", "0 to 1"),
        (r#"{"alternate":{"a":1}}"#, 1016, "alternate", "must be a list"),
        (r#"{"alternate":[1]}"#, 1016, "alternate[0]", "must be an object"),
        (r#"{"alternate":[{"name":[]}]}"#, 1016, "alternate[0].name", "must be text"),
        (r#"{"alternate":[{"standalone":"x"}]}"#, 1016, "alternate[0].standalone", "true or false"),
        (r#"{"alternate":[{"rules":1}]}"#, 1016, "alternate[0].rules", "must be a list"),
        (
            r#"{"alternate":[{"rules":[{"country":[]}]}]}"#,
            1016,
            "alternate[0].rules[0].country",
            "must be text",
        ),
        (r#"{"default":1}"#, 1016, "default", "must be an object"),
        (r#"{"default":{"shipping_taxed":"x"}}"#, 1016, "default.shipping_taxed", "true or false"),
    ] {
        let text = with(&format!(r#"{{{cart},"checkout_options":{{"tax_tables":{tables}}}}}"#));
        let error = read(&text).expect_err(tables);
        assert_eq!((error.status.as_u16(), error.code), (400, code), "{tables}: {}", error.info);
        let start = format!("Invalid checkout_options.tax_tables.{field}: ");
        assert!(error.info.starts_with(&start) && error.info.contains(what), "{tables}: {}", error.info);
        assert_plain(&error.info);
    }
    for rules in ["[]", "[{}]", r#"[{"rate":"","country":"NL"}]"#] {
        let tables = format!(r#"{{"alternate":[{{"name":"a","rules":{rules}}}]}}"#);
        let error =
            read(&with(&format!(r#"{{{cart},"checkout_options":{{"tax_tables":{tables}}}}}"#))).unwrap_err();
        assert_eq!(error.code, 1029, "{rules}");
        let info = "Invalid shopping_cart.items[0].tax_table_selector: names a tax table that has no rate";
        assert_eq!(error.info, info);
    }
}

#[test]
fn an_item_is_kept_in_the_forms_that_clients_send() {
    let plain = r#""unit_price":1,"quantity":1"#;
    for (members, pointer, kept) in [
        (r#""unit_price":50,"quantity":"2""#.to_owned(), "/quantity", "2"),
        (r#""unit_price":50,"quantity":2.0"#.to_owned(), "/quantity", "2"),
        (r#""unit_price":50,"quantity":"2.50000001""#.to_owned(), "/quantity", "2.5000"),
        (r#""unit_price":50,"quantity":0"#.to_owned(), "/quantity", "0"),
        (r#""unit_price":"50.10","quantity":1"#.to_owned(), "/unit_price", "50.10"),
        (r#""unit_price":41.322314049599999,"quantity":1"#.to_owned(), "/unit_price", "41.3223140496"),
        (r#""unit_price":"-0.1234567891","quantity":1"#.to_owned(), "/unit_price", "-0.1234567891"),
        (format!(r#"{plain},"name":7,"description":"é""#), "/name", "7"),
        (format!(r#"{plain},"name":null"#), "/name", ""),
        (format!(r#"{plain},"merchant_item_id":111111"#), "/merchant_item_id", "111111"),
        (format!(r#"{plain},"tax_table_selector":0.21"#), "/tax_table_selector", "0.21"),
        (format!(r#"{plain},"currency":"""#), "/currency", "absent"),
        (format!(r#"{plain},"currency":"EUR""#), "/currency", "EUR"),
        (format!(r#"{plain},"weight":[]"#), "/weight", "absent"),
        (format!(r#"{plain},"weight":{{"unit":null,"value":null}}"#), "/weight", "absent"),
        (format!(r#"{plain},"weight":{{"unit":"kg","value":"12.5"}}"#), "/weight/value", "12.5"),
        (format!(r#"{plain},"weight":{{"unit":"kg","value":12}}"#), "/weight/unit", "kg"),
        (format!(r#"{plain},"image":[],"cashback":{{}},"product_url":7"#), "/product_url", "7"),
        (format!(r#"{plain},"image":["https://x"]"#), "/image", "absent"),
        (format!(r#"{plain},"options":{{"a":1}},"something":[1]"#), "/options", "absent"),
    ] {
        let order = item(&members).unwrap_or_else(|error| panic!("{members}: {error:?}"));
        let shown = serde_json::to_value(&order.details).unwrap();
        let found = shown.pointer(&format!("/shopping_cart/items/0{pointer}"));
        assert_eq!(found.and_then(Value::as_str).unwrap_or("absent"), kept, "{members}: {shown}");
    }
    let options = item(&format!(r#"{plain},"options":[{{"size":"L","extra":1e-9}},2.5]"#)).unwrap();
    let options = &options.details.shopping_cart.unwrap().items[0].options;
    assert_eq!(options, &[json!({"size": "L", "extra": "0.000000001"}), json!(2.5)]);
}

#[test]
fn tables_without_a_cart_are_checked_and_not_kept() {
    for taxes in ["[]", r#"{"tax_tables":[]}"#, r#"{"tax_tables":{"default":[],"alternate":[]}}"#] {
        let order = read(&with(&format!(r#"{{"checkout_options":{taxes}}}"#))).unwrap();
        assert_eq!(order.details.checkout_options, None, "{taxes}");
    }
    let bad = r#"{"checkout_options":{"tax_tables":{"default":{"rate":21}}}}"#;
    assert_eq!(read(&with(bad)).unwrap_err().code, 1028);
}

proptest! {
    #[test]
    fn any_cart_is_read_or_refused(price in any_json(), quantity in any_json(), rate in any_json(), rest in any_json()) {
        let body = json!({
            "order_id": 1, "currency": "EUR", "amount": 1, "description": "x",
            "shopping_cart": {"items": [
                {"unit_price": price, "quantity": quantity, "weight": {"value": rest}, "options": [rest]},
            ]},
            "checkout_options": {"validate_cart": true, "tax_tables": {"default": {"rate": rate}}},
            "payment_options": {"settings": {"x": rest}},
        });
        match parse(&body, &TEST) {
            Ok(order) => {
                let text = serde_json::to_string(&order.details).unwrap();
                prop_assert_eq!(serde_json::from_str::<Details>(&text).unwrap(), order.details);
            }
            Err(error) => {
                prop_assert!(error.status.is_client_error());
                assert_plain(&error.info);
            }
        }
    }

    #[test]
    fn a_total_is_what_whole_numbers_add_up_to(
        lines in proptest::collection::vec((-10_000_000_i64..10_000_000, 0..9_i64, 0..4_usize), 1..12),
    ) {
        let rates = [0, 9, 21, 100];
        let tables = [("", "0"), ("1", "0.09"), ("2", "0.21"), ("3", "1")];
        let price = |minor: i64| Decimal::new(minor, 4).to_string();
        let texts: Vec<_> = lines
            .iter()
            .map(|(minor, count, rate)| (price(*minor), count.to_string(), tables[*rate].0))
            .collect();
        let items: Vec<_> =
            texts.iter().map(|(price, count, table)| (price.as_str(), count.as_str(), *table)).collect();
        // The same in integers: ten-thousandths, and millionths for the VAT.
        let net: i64 = lines.iter().map(|(minor, count, _)| minor * count).sum();
        let tax: i64 = lines.iter().map(|(minor, count, rate)| minor * count * rates[*rate]).sum();
        let half_up = |value: i64, unit: i64| (value.abs() * 2 + unit) / (unit * 2) * value.signum();
        let (net, tax) = (half_up(net, 100), half_up(tax, 10_000));
        let shown = |minor| decimal::text(Decimal::new(minor, 2), 2);
        let expected = format!("{} + {} = {}", shown(net), shown(tax), shown(net + tax));
        prop_assert_eq!(costs("EUR", &items, &tables), expected);
    }
}
