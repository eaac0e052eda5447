//! What must hold on every page, in every language.

use askama::Template;
use scraper::{Html, Selector};

use super::super::cart::{Cart, Line};
use super::super::locale::{Locale, tests::right_to_left};
use super::*;
use std::sync::LazyLock;

const SHOP: &str = "Fietsen & Zo";
const HOSTILE: &str = "<script>alert(1)</script> \"quoted\" 'too'";

const OUTCOMES: [Outcome; 10] = [
    Outcome::Paid,
    Outcome::Cancelled,
    Outcome::Expired,
    Outcome::AlreadyPaid,
    Outcome::NotFound,
    Outcome::TooManyAttempts,
    Outcome::NotPaid,
    Outcome::Refused,
    Outcome::Busy,
    Outcome::Failed,
];

fn order() -> Summary<'static> {
    Summary { shop: SHOP, description: HOSTILE, amount: "€ 10,00" }
}

fn pay(locale: &Locale) -> PayPage<'_> {
    PayPage {
        locale,
        test: false,
        order: order(),
        action: "/connect/abc/pay",
        cancel_href: "/connect/abc/cancel",
        cancel_leads_to_shop: true,
        page_href: "/connect/abc/",
        methods: "",
        switches: Switches::default(),
        style_href: None,
        bought: None,
        all_methods_href: None,
        brands: &[Brand::Maestro],
        cvc_optional: false,
        form: CardForm::default(),
        notice: None,
        ranges: "4=4000-4999visa",
        brand_options: &[],
        ordered: None,
        brand_offer: None,
        test_cards: &[],
    }
}

static TEST_CARDS: LazyLock<[(String, &str); 1]> =
    LazyLock::new(|| [("Maestro".to_owned(), "6799990000000000011")]);

static CART: LazyLock<Bought> = LazyLock::new(|| {
    let line =
        |name: &str| Line { name: name.to_owned(), quantity: "2".to_owned(), price: "€ 5,00".to_owned() };
    let lines = vec![line(HOSTILE), line("Fiets")];
    Bought::Cart(Cart { lines, tax: Some("€ 1,74".to_owned()), total: "€ 10,00".to_owned() })
});

/// The payment page with everything on it that can be.
fn full_pay(locale: &Locale) -> PayPage<'_> {
    let field = &locale.texts.field;
    PayPage {
        test: true,
        methods: "&methods=all",
        bought: Some(&*CART),
        all_methods_href: Some("/connect/abc/?lang=nl&methods=all"),
        cvc_optional: true,
        brands: &Brand::ALL,
        form: CardForm {
            holder: "A \"B\" <c>",
            expiry: "13/20",
            number_error: Some(&field.number_brand),
            number_brand: Some(Brand::Visa),
            holder_error: Some(&field.holder_missing),
            expiry_error: Some(&field.expiry_past),
            cvc_error: Some(&field.cvc_length),
        },
        notice: Some(&locale.texts.decline.insufficient_funds),
        brand_options: &[
            BrandOption { brand: Brand::Maestro, offered: true, checked: true },
            BrandOption { brand: Brand::Mastercard, offered: true, checked: false },
            BrandOption { brand: Brand::Visa, offered: false, checked: false },
        ],
        ordered: Some(Brand::Maestro),
        brand_offer: Some(Brand::Mastercard),
        test_cards: &*TEST_CARDS,
        ..pay(locale)
    }
}

/// Every page there is, by name.
fn pages(locale: &Locale) -> Vec<(String, String)> {
    let mut pages = vec![
        ("pay".to_owned(), pay(locale).render()),
        ("pay, full".to_owned(), full_pay(locale).render()),
        (
            "processing".to_owned(),
            ProcessingPage { locale, test: true, order: order(), seconds: 2, url: "/connect/abc/" }.render(),
        ),
        (
            "close".to_owned(),
            ClosePage { locale, test: true, target: "https://shop.example/?a=1&b=2" }.render(),
        ),
        (
            "challenge".to_owned(),
            ChallengePage { locale, order: order(), last4: "1234", action: "/simulator/acs/1" }.render(),
        ),
    ];
    for outcome in OUTCOMES {
        for (order, back_href) in [(Some(order()), Some("https://shop.example/")), (None, None)] {
            let page = ResultPage {
                locale,
                test: order.is_some(),
                outcome,
                order,
                issuer_says: None,
                pay_href: None,
                back_href,
            };
            pages.push((format!("result, {}", outcome.key()), page.render()));
        }
    }
    pages.into_iter().map(|(name, html)| (name, html.unwrap())).collect()
}

fn select<'a>(html: &'a Html, selector: &str) -> Vec<scraper::ElementRef<'a>> {
    html.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(element: scraper::ElementRef<'_>) -> String {
    element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_page_keeps_to_the_content_security_policy() {
    for locale in Locale::all() {
        for (name, html) in pages(locale) {
            let page = Html::parse_document(&html);
            for element in select(&page, "*") {
                for (attribute, value) in element.value().attrs() {
                    assert!(attribute != "style" && !attribute.starts_with("on"), "{name}: {attribute}");
                    assert!(!value.trim_start().starts_with("javascript:"), "{name}: {value}");
                }
                if let Some(source) = element.attr("src") {
                    assert!(source.starts_with("/static/"), "{name}: loads {source}");
                }
            }
            assert!(select(&page, "style, iframe, object, embed, base").is_empty(), "{name}");
            assert!(select(&page, "script").iter().all(|script| script.inner_html().is_empty()), "{name}");
            for link in select(&page, "link") {
                assert!(link.attr("href").unwrap().starts_with("/static/"), "{name}");
            }
        }
    }
}

#[test]
fn every_page_names_its_language_title_and_heading() {
    for locale in Locale::all() {
        for (name, html) in pages(locale) {
            assert!(html.starts_with("<!doctype html>"), "{name}");
            let page = Html::parse_document(&html);
            let root = page.root_element();
            assert_eq!((root.attr("lang"), root.attr("dir")), (Some(locale.tag.as_str()), Some("ltr")));
            for needed in ["meta[name=viewport]", "meta[name=robots][content=noindex]", "main", "h1", "title"]
            {
                assert_eq!(select(&page, needed).len(), 1, "{name}: {needed}");
            }
            assert!(!text(select(&page, "title")[0]).is_empty(), "{name}");
            assert!(!text(select(&page, "main")[0]).contains('{'), "{name}: a placeholder is left over");
        }
    }
}

#[test]
fn what_the_merchant_wrote_is_text_and_nothing_else() {
    for locale in Locale::all() {
        for (name, html) in pages(locale) {
            assert!(!html.contains("<script>"), "{name}");
            assert!(!html.contains("alert(1)") || html.contains("&#60;script&#62;alert(1)"), "{name}");
        }
        let page = Html::parse_document(&pay(locale).render().unwrap());
        assert_eq!(text(select(&page, ".summary-description")[0]), HOSTILE);
        assert_eq!(text(select(&page, ".summary-shop")[0]), SHOP);
    }
}

#[test]
fn a_right_to_left_language_is_marked_as_such() {
    let locale = right_to_left();
    for (name, html) in pages(&locale) {
        let page = Html::parse_document(&html);
        assert_eq!(page.root_element().attr("dir"), Some("rtl"), "{name}");
    }
    let page = Html::parse_document(&pay(&locale).render().unwrap());
    for field in ["card_number", "card_expiry", "card_cvc"] {
        assert_eq!(select(&page, &format!("[name={field}]"))[0].attr("dir"), Some("ltr"), "{field}");
    }
}

#[test]
fn the_card_form_has_the_fields_browsers_and_handlers_expect() {
    for locale in Locale::all() {
        for html in [pay(locale).render().unwrap(), full_pay(locale).render().unwrap()] {
            let page = Html::parse_document(&html);
            let form = select(&page, "form");
            assert_eq!(form.len(), 1);
            assert_eq!(
                (form[0].attr("method"), form[0].attr("action")),
                (Some("post"), Some("/connect/abc/pay"))
            );
            for (name, autocomplete, numeric) in [
                ("card_number", "cc-number", true),
                ("card_holder", "cc-name", false),
                ("card_expiry", "cc-exp", true),
                ("card_cvc", "cc-csc", true),
            ] {
                let inputs = select(&page, &format!("form input[name={name}]"));
                assert_eq!(inputs.len(), 1, "{name}");
                assert_eq!(inputs[0].attr("autocomplete"), Some(autocomplete));
                assert_eq!(inputs[0].attr("inputmode") == Some("numeric"), numeric, "{name}");
                let id = inputs[0].attr("id").unwrap();
                assert_eq!(select(&page, &format!("label[for={id}]")).len(), 1, "{name} has a label");
            }
            assert_eq!(select(&page, "form input[name=popup]")[0].attr("value"), Some(""));
            assert_eq!(select(&page, "form button, form input[type=submit]").len(), 1);
            let cancel = select(&page, "a#cancel");
            assert_eq!(cancel[0].attr("href"), Some("/connect/abc/cancel"));
        }
    }
}

#[test]
fn only_what_may_be_kept_is_shown_again() {
    for locale in Locale::all() {
        let page = Html::parse_document(&full_pay(locale).render().unwrap());
        let value = |name: &str| select(&page, &format!("[name={name}]"))[0].attr("value").map(str::to_owned);
        assert_eq!(value("card_number"), None);
        assert_eq!(value("card_cvc"), None);
        assert_eq!(value("card_holder").as_deref(), Some("A \"B\" <c>"));
        assert_eq!(value("card_expiry").as_deref(), Some("13/20"));
    }
}

#[test]
fn a_wrong_field_says_so_and_the_first_one_has_the_focus() {
    for locale in Locale::all() {
        let page = Html::parse_document(&full_pay(locale).render().unwrap());
        for (name, error) in [
            ("card_number", &locale.texts.field.number_brand.replace("{brand}", "Visa")),
            ("card_holder", &locale.texts.field.holder_missing),
            ("card_expiry", &locale.texts.field.expiry_past),
            ("card_cvc", &locale.texts.field.cvc_length),
        ] {
            let input = select(&page, &format!("[name={name}]"))[0];
            assert_eq!(input.attr("aria-invalid"), Some("true"), "{name}");
            let described = input.attr("aria-describedby").unwrap().split(' ').next().unwrap();
            assert_eq!(&text(select(&page, &format!("#{described}"))[0]), error);
            assert_eq!(input.attr("autofocus").is_some(), name == "card_number");
        }
        assert!(text(select(&page, "[role=alert]")[0]).contains(&locale.texts.decline.insufficient_funds));
        let page = Html::parse_document(&pay(locale).render().unwrap());
        assert!(select(&page, "[aria-invalid], [role=alert], [autofocus]").is_empty());
    }
}

#[test]
fn the_button_says_that_it_pays_and_how_much() {
    let button = |html: String| text(select(&Html::parse_document(&html), "form button")[0]);
    assert_eq!(button(pay(Locale::find("nl")).render().unwrap()), "Betaal € 10,00");
    assert_eq!(button(pay(Locale::find("en")).render().unwrap()), "Pay € 10,00");
    let offered = full_pay(Locale::find("en"));
    assert_eq!(button(offered.render().unwrap()), "Pay € 10,00 with Mastercard");
    let page = Html::parse_document(&offered.render().unwrap());
    assert_eq!(select(&page, "input[name=accept_brand]")[0].attr("value"), Some("MASTERCARD"));
    let page = Html::parse_document(&pay(Locale::find("en")).render().unwrap());
    assert!(select(&page, "[name=accept_brand]").is_empty());
}

#[test]
fn a_cart_is_listed_with_what_it_costs() {
    for locale in Locale::all() {
        let page = Html::parse_document(&full_pay(locale).render().unwrap());
        assert_eq!(select(&page, ".cart[open] li").len(), 2);
        let first = text(select(&page, ".cart li")[0]);
        assert_eq!(first, format!("2 × {HOSTILE} € 5,00"));
        assert_eq!(text(select(&page, ".cart-total dd")[0]), "€ 10,00");
        assert_eq!(text(select(&page, ".cart-tax dd")[0]), "€ 1,74");
        assert!(text(select(&page, ".cart summary")[0]).contains(&locale.texts.cart.heading));
        assert!(select(&Html::parse_document(&pay(locale).render().unwrap()), ".cart").is_empty());
    }
}

#[test]
fn everything_that_can_be_left_out_is_left_out() {
    let locale = Locale::find("en");
    let all = Switches {
        hide_logo: true,
        hide_flags: true,
        hide_powered: true,
        hide_btn_cancel: true,
        hide_cc_logos: true,
        ..Switches::default()
    };
    let (with, without) = (full_pay(locale), PayPage { switches: all, ..full_pay(locale) });
    let with = Html::parse_document(&with.render().unwrap());
    let without = Html::parse_document(&without.render().unwrap());
    for element in [".badge", ".languages", ".secured", "#cancel", ".brands", ".mark"] {
        assert!(!select(&with, element).is_empty(), "{element}");
        assert!(select(&without, element).is_empty(), "{element}");
    }
    assert_eq!(select(&without, "form button").len(), 1);
}

#[test]
fn only_a_test_page_shows_the_ribbon_and_test_cards() {
    for locale in Locale::all() {
        let page = Html::parse_document(&full_pay(locale).render().unwrap());
        assert!(text(select(&page, ".ribbon")[0]).contains(&locale.texts.common.test_ribbon));
        assert!(text(select(&page, ".ribbon")[0]).contains("6799990000000000011"));
        let live = PayPage { test: false, ..full_pay(locale) };
        let page = Html::parse_document(&live.render().unwrap());
        assert!(select(&page, ".ribbon").is_empty());
    }
}

#[test]
fn every_language_is_one_link_away() {
    for locale in Locale::all() {
        let page = Html::parse_document(&pay(locale).render().unwrap());
        let full = Html::parse_document(&full_pay(locale).render().unwrap());
        assert!(select(&full, "a[hreflang]")[0].attr("href").unwrap().ends_with("&methods=all"));
        for other in Locale::all().iter().filter(|other| other.tag != locale.tag) {
            let link = select(&page, &format!("a[hreflang={}]", other.tag))[0];
            assert_eq!(link.attr("href"), Some(format!("/connect/abc/?lang={}", other.tag).as_str()));
        }
    }
}

#[test]
fn a_waiting_customer_is_moved_on_with_and_without_a_click() {
    for locale in Locale::all() {
        let page =
            ProcessingPage { locale, test: false, order: order(), seconds: 2, url: "/connect/abc/?a=1&b=2" };
        let page = Html::parse_document(&page.render().unwrap());
        let refresh = select(&page, "meta[http-equiv=refresh]");
        assert_eq!(refresh[0].attr("content"), Some("2;url=/connect/abc/?a=1&b=2"));
        assert_eq!(select(&page, "a#continue")[0].attr("href"), Some("/connect/abc/?a=1&b=2"));
    }
}

#[test]
fn the_last_page_of_a_popup_works_without_the_script() {
    let target = "https://shop.example/?a=1&b=\"2\"";
    for locale in Locale::all() {
        let html = ClosePage { locale, test: false, target }.render().unwrap();
        let page = Html::parse_document(&html);
        let link = select(&page, "a#continue")[0];
        assert_eq!((link.attr("href"), link.attr("data-target")), (Some(target), Some(target)));
        assert!(html.contains("<noscript><meta http-equiv=\"refresh\""));
    }
}

#[test]
fn a_result_says_what_happened_and_how_to_get_back() {
    for locale in Locale::all() {
        for outcome in OUTCOMES {
            let back_href = Some("https://shop.example/?x=1&y=2");
            let page = ResultPage {
                locale,
                test: false,
                outcome,
                order: Some(order()),
                issuer_says: None,
                pay_href: None,
                back_href,
            };
            let page = Html::parse_document(&page.render().unwrap());
            assert_eq!(text(select(&page, "h1")[0]), outcome.texts(&locale.texts).heading);
            assert_eq!(select(&page, "a#back")[0].attr("href"), back_href);
            assert_eq!(text(select(&page, ".summary-amount")[0]), "€ 10,00");
            assert_eq!(select(&page, "main")[0].attr("data-outcome"), Some(outcome.key()));
        }
    }
}

#[test]
fn the_test_bank_offers_every_answer_and_one_button() {
    for (tag, confirm) in [("en", "Confirm"), ("nl", "Bevestigen")] {
        let locale = Locale::find(tag);
        let page = ChallengePage { locale, order: order(), last4: "1234", action: "/simulator/acs/1" };
        let page = Html::parse_document(&page.render().unwrap());
        let values: Vec<_> = select(&page, "select[name=transStatus] option")
            .iter()
            .filter_map(|option| option.attr("value"))
            .collect();
        assert_eq!(values, ["Y", "N", "U", "A", "R", "cancel"]);
        let buttons = select(&page, "button, input[type=submit]");
        assert_eq!(buttons.len(), 1);
        assert_eq!(text(buttons[0]), confirm);
        assert_eq!(select(&page, "form[method=post]")[0].attr("action"), Some("/simulator/acs/1"));
        assert!(text(select(&page, "main")[0]).contains("1234"));
        assert!(text(select(&page, "main")[0]).contains(&locale.texts.challenge.simulator));
    }
}
