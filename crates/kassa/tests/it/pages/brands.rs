//! What a card can be paid with, without JavaScript: the customer chooses between its brands, and a card of another
//! brand than the ordered one is told from one that cannot be used.

use super::{link, submit};
use crate::harness::{COBADGED, Database, Gateway, Page, Setup};
use payments::card::Brand;
use rstest::rstest;
use serde_json::json;

const MASTERCARD: &str = "5500000000000004";
const VISA: &str = "4111111111111111";

/// The brands to choose from, with a `*` behind the one that is chosen unless the customer says otherwise.
fn offered(page: &Page) -> Vec<String> {
    let option = |brand: &Brand| {
        let label = format!("label[data-choice={}]:not([hidden])", brand.id().to_lowercase());
        let radio = format!("{label} input[type=radio][name=accept_brand][value={}]", brand.id());
        let checked = if page.has(&format!("{radio}[checked]")) { "*" } else { "" };
        page.has(&radio).then(|| format!("{}{checked}", brand.id()))
    };
    if page.has("#brand_choice[hidden], #brand_choice[disabled]") {
        return Vec::new();
    }
    Brand::ALL.iter().filter_map(option).collect()
}

async fn choose(gateway: &Gateway, link: &str, card: &str, brand: &str) -> Page {
    let fields = [
        ("card_number", card),
        ("card_holder", "A"),
        ("card_expiry", "12/35"),
        ("card_cvc", "123"),
        ("accept_brand", brand),
    ];
    gateway.customer().submit(link, &fields).await
}

#[rstest]
#[tokio::test]
async fn who_has_a_card_of_two_brands_chooses_and_pays_with_that_one(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start_as(database, Setup::cobadged()).await;
    for (ordered, expected) in [
        ("CREDITCARD", ["MAESTRO", "MASTERCARD*"]),
        ("MAESTRO", ["MAESTRO*", "MASTERCARD"]),
        ("MASTERCARD", ["MAESTRO", "MASTERCARD*"]),
        // Neither was ordered, both pay: the card's usual one is first.
        ("VISA", ["MAESTRO", "MASTERCARD*"]),
    ] {
        for chosen in ["MAESTRO", "MASTERCARD"] {
            let id = format!("{ordered}-{chosen}");
            let mut order = gateway.order(&id);
            order["gateway"] = json!(ordered);
            let link = link(&gateway, &order).await;
            assert_eq!(offered(&gateway.customer().open(&link).await), [""; 0], "nothing is known yet");
            let page = submit(&gateway, &link, [COBADGED, "A", "12/35", "123"]).await;
            assert_eq!(page.status, 200, "it is no mistake");
            assert_eq!(offered(&page), expected, "{id}");
            assert_eq!(
                page.text("#brand_choice legend"),
                "Je kaart heeft meer dan één merk. Waarmee wil je betalen?"
            );
            assert!(!page.has(".offer, .notice") && !page.html.contains(COBADGED), "{page:?}");
            assert_eq!(gateway.status(&id).await, "initialized/initialized", "nothing is attempted");

            let challenge = choose(&gateway, &link, COBADGED, chosen).await;
            gateway.customer().answer(&challenge, "Y").await;
            let order = gateway.read(&id).await;
            assert_eq!(order["status"], "completed");
            let details = &order["payment_details"];
            let shown =
                ["type", "issuer_country_code", "card_funding", "card_product"].map(|key| &details[key]);
            assert_eq!(shown, [chosen, "BE", "D", "MDB"], "{id}");
        }
    }
    gateway.audited().await;
}

#[tokio::test]
async fn a_choice_stays_with_a_mistake_and_holds_for_its_card_only() {
    let gateway = Gateway::start_as(Database::Sqlite, Setup::cobadged()).await;
    let mut order = gateway.order("1");
    order["gateway"] = json!("CREDITCARD");
    let link = link(&gateway, &order).await;
    let fields = [
        ("card_number", COBADGED),
        ("card_holder", "A"),
        ("card_expiry", "12/20"),
        ("accept_brand", "MAESTRO"),
    ];
    let page = gateway.customer().submit(&link, &fields).await;
    assert_eq!(page.status, 422);
    assert_eq!(offered(&page), ["MAESTRO*", "MASTERCARD"], "what was chosen is still chosen");
    // A brand that the card does not have is no choice.
    for said in ["VISA", "AMEX", "maestr0", ""] {
        let page = choose(&gateway, &link, COBADGED, said).await;
        assert_eq!(
            (page.status, offered(&page)),
            (200, vec!["MAESTRO".to_owned(), "MASTERCARD*".to_owned()]),
            "{said}"
        );
    }
    // Nor is there one with a card of one brand, whatever was said before.
    let challenge = choose(&gateway, &link, VISA, "MAESTRO").await;
    gateway.customer().answer(&challenge, "Y").await;
    assert_eq!(gateway.read("1").await["payment_details"]["type"], "VISA");
    assert_eq!(
        gateway.read("1").await["payment_details"].get("card_funding"),
        None,
        "nothing is known of it"
    );
}

#[tokio::test]
async fn what_the_site_does_not_have_is_not_to_choose_from() {
    let gateway = Gateway::start_as(Database::Sqlite, Setup::cobadged()).await;
    gateway.sql("UPDATE site SET gateways = 'CREDITCARD MAESTRO VISA'").await;
    let link = link(&gateway, &gateway.order("1")).await;
    assert!(!gateway.customer().open(&link).await.has("#brand_choice"));
    let challenge = choose(&gateway, &link, COBADGED, "MASTERCARD").await;
    gateway.customer().answer(&challenge, "Y").await;
    assert_eq!(gateway.read("1").await["payment_details"]["type"], "MAESTRO");
}

#[rstest]
#[tokio::test]
async fn a_debit_mastercard_on_a_maestro_page_pays_as_mastercard_where_the_site_has_it(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    for card in [MASTERCARD, "2223003122003222"] {
        let mut order = gateway.order(card);
        order["customer"]["locale"] = json!("en_US");
        let link = link(&gateway, &order).await;
        let offer = submit(&gateway, &link, [card, "A", "12/35", "123"]).await;
        assert_eq!(offer.status, 200);
        assert_eq!(offer.text(".offer h2"), "This is a Mastercard card");
        assert_eq!(offer.text("button[type=submit]").replace('\u{a0}', " "), "Pay €10.00 with Mastercard");
        let challenge = choose(&gateway, &link, card, &offer.attribute("[name=accept_brand]", "value")).await;
        gateway.customer().answer(&challenge, "Y").await;
        let order = gateway.read(card).await;
        assert_eq!(
            (&order["status"], &order["payment_details"]["type"]),
            (&json!("completed"), &json!("MASTERCARD"))
        );
    }

    gateway.sql("UPDATE site SET gateways = 'MAESTRO VISA'").await;
    for (lang, text) in [
        (
            "nl",
            "Dit is een Mastercard-kaart. Daarmee kun je deze betaling niet doen. Gebruik een andere kaart.",
        ),
        ("en", "This is a Mastercard card, which cannot be used for this payment. Use another card."),
    ] {
        let link = link(&gateway, &gateway.order("3")).await.replace("nl_NL", lang);
        for said in ["", "MASTERCARD"] {
            let page = choose(&gateway, &link, MASTERCARD, said).await;
            assert_eq!((page.status, page.text("#card_number_error").as_str()), (422, text));
            assert!(!page.has(".offer, input[name=accept_brand]"), "{page:?}");
        }
    }
    assert_eq!(gateway.read("3").await.get("transaction_id"), None, "nothing is attempted");
}

#[tokio::test]
async fn an_operators_ranges_decide_what_is_taken_and_how_long_it_is() {
    let ranges = r#"ranges = [
        { low = "400000", scheme = "Closed" },
        { low = "4111", brands = ["VISA"], digits = "19" },
    ]"#;
    let gateway = Gateway::start_as(Database::Sqlite, Setup { ranges, ..Setup::default() }).await;
    let mut order = gateway.order("1");
    order["gateway"] = json!("CREDITCARD");
    let link = link(&gateway, &order).await;
    for (card, text) in [
        ("4000000000000002", "Dit soort kaart wordt hier niet geaccepteerd"),
        (VISA, "Dit kaartnummer is niet compleet"),
    ] {
        let page = submit(&gateway, &link, [card, "A", "12/35", "123"]).await;
        assert_eq!((page.status, page.text("#card_number_error").as_str()), (422, text), "{card}");
    }
    let known = gateway.customer().open(&link).await.attribute("#card_number", "data-ranges");
    assert!(known.contains("6=400000-400000,"), "the script knows it too: {known}");
    let page = submit(&gateway, &link, ["4761340000000019", "A", "12/35", "123"]).await;
    assert!(page.has("select[name=transStatus]"), "{page:?}");
}
