//! Addresses as the shop's server receives them: its own URL, the order's id, and what is requested.

use super::super::{address, return_url};
use payments::ids::OrderId;

/// Notifications at second 17.
const NOTIFICATIONS: &[(&str, &str, &str)] = &[
    ("https://shop.example/n", "A-1", "https://shop.example/n?transactionid=A-1&timestamp=17"),
    ("https://shop.example", "A-1", "https://shop.example/?transactionid=A-1&timestamp=17"),
    ("https://shop.example/n?key=a%20b&x=", "A-1", "https://shop.example/n?key=a%20b&x=&transactionid=A-1&timestamp=17"),
    ("https://shop.example/n?a=%2f+%2F&&b[]=1&c", "A-1", "https://shop.example/n?a=%2f+%2F&&b[]=1&c&transactionid=A-1&timestamp=17"),
    ("https://shop.example/?wc-api=multisafepay", "A-1", "https://shop.example/?wc-api=multisafepay&transactionid=A-1&timestamp=17"),
    ("https://shop.example/n?a=/?b", "A-1", "https://shop.example/n?a=/?b&transactionid=A-1&timestamp=17"),
    ("https://shop.example/n?", "A-1", "https://shop.example/n?transactionid=A-1&timestamp=17"),
    ("https://shop.example/n?a=1&", "A-1", "https://shop.example/n?a=1&transactionid=A-1&timestamp=17"),
    ("https://shop.example/n?transactionid=x", "A-1", "https://shop.example/n?transactionid=x&transactionid=A-1&timestamp=17"),
    ("http://127.0.0.1:8080/n?a=é b", "A-1", "http://127.0.0.1:8080/n?a=%C3%A9%20b&transactionid=A-1&timestamp=17"),
    ("https://shop.example:8443/n#top", "A-1", "https://shop.example:8443/n?transactionid=A-1&timestamp=17"),
    ("https://shop.example/#/n?a=1", "A-1", "https://shop.example/?transactionid=A-1&timestamp=17"),
    ("https://[2001:db8::1]:81/n", "A-1", "https://[2001:db8::1]:81/n?transactionid=A-1&timestamp=17"),
    ("https://shop.example/n", "a/b c#d&e=f?g+h%i", "https://shop.example/n?transactionid=a%2Fb%20c%23d%26e%3Df%3Fg%2Bh%25i&timestamp=17"),
    ("https://shop.example/n", "é日🎟", "https://shop.example/n?transactionid=%C3%A9%E6%97%A5%F0%9F%8E%9F&timestamp=17"),
    ("https://shop.example/n", "1722333.123_a~B-", "https://shop.example/n?transactionid=1722333.123_a~B-&timestamp=17"),
];

const RETURNS: &[(&str, &str, &str)] = &[
    ("https://shop.example/done", "A-1", "https://shop.example/done?transactionid=A-1"),
    ("https://shop.example", "A-1", "https://shop.example/?transactionid=A-1"),
    ("https://shop.example:8443", "A-1", "https://shop.example:8443/?transactionid=A-1"),
    ("https://shop.example/done?key=a%20b&x=", "A-1", "https://shop.example/done?key=a%20b&x=&transactionid=A-1"),
    ("https://shop.example/done?", "A-1", "https://shop.example/done?transactionid=A-1"),
    ("https://shop.example/done#", "A-1", "https://shop.example/done?transactionid=A-1#"),
    ("https://shop.example/done#thanks", "A-1", "https://shop.example/done?transactionid=A-1#thanks"),
    ("https://shop.example/?a=1#/route?b=2#c", "A-1", "https://shop.example/?a=1&transactionid=A-1#/route?b=2#c"),
    ("http://localhost:3000/#/done", "a/b c#d&e", "http://localhost:3000/?transactionid=a%2Fb%20c%23d%26e#/done"),
    ("https://bücher.example/größe?q=ü#ß", "é", "https://xn--bcher-kva.example/gr%C3%B6%C3%9Fe?q=%C3%BC&transactionid=%C3%A9#%C3%9F"),
];

const REFUSED: &[&str] = &["", "shop.example", "/n?token=secret", "javascript:secret()", "ftp://secret.example/", "https://?secret"];

fn id(text: &str) -> OrderId {
    OrderId::parse(text).unwrap()
}

#[test]
fn notifications_are_addressed_behind_the_urls_own_query() {
    for (url, order, expected) in NOTIFICATIONS {
        let plain = address(url, &id(order), 17, false).unwrap();
        assert_eq!(plain.as_str(), *expected, "{url}");
        let marked = address(url, &id(order), 17, true).unwrap();
        assert_eq!(marked.as_str(), format!("{expected}&payload_type=pretransaction"), "{url}");
    }
}

#[test]
fn customers_return_with_their_order_and_to_their_place_on_the_page() {
    for (url, order, expected) in RETURNS {
        assert_eq!(return_url(url, &id(order)).unwrap(), *expected, "{url}");
    }
}

#[test]
fn what_is_no_web_address_is_refused_without_being_repeated() {
    for url in REFUSED {
        for fault in [
            address(url, &id("A-1"), 17, false).unwrap_err(),
            return_url(url, &id("A-1")).unwrap_err(),
        ] {
            let text = format!("{fault:#}");
            assert!(text.contains("order A-1") && !text.contains("secret"), "{text}");
        }
    }
}
