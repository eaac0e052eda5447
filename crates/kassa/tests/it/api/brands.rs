//! What a card is by the card ranges, where the shop sends it: the brand it is paid with, and what the API says of it.

use crate::harness::{COBADGED, Database, Gateway, Setup};
use rstest::rstest;
use serde_json::json;

const ORDERS: &str = "/v1/json/orders";

/// The site's gateways, the order's one, and the brand that the card of Mastercard and Maestro is paid with.
const CASES: &[(&str, &str, Result<&str, &str>)] = &[
    ("CREDITCARD MAESTRO MASTERCARD", "", Ok("MASTERCARD")),
    ("CREDITCARD MAESTRO MASTERCARD", "CREDITCARD", Ok("MASTERCARD")),
    ("CREDITCARD MAESTRO MASTERCARD", "MAESTRO", Ok("MAESTRO")),
    ("CREDITCARD MAESTRO MASTERCARD", "MASTERCARD", Ok("MASTERCARD")),
    ("CREDITCARD MAESTRO", "CREDITCARD", Ok("MAESTRO")),
    ("CREDITCARD MAESTRO VISA", "VISA", Err("is of another card than the gateway")),
];

#[rstest]
#[tokio::test]
async fn a_sent_card_of_two_brands_is_paid_as_the_shop_says_or_as_the_site_can(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start_as(database, Setup::cobadged()).await;
    for (at, (gateways, through, expected)) in CASES.iter().enumerate() {
        gateway.sql(&format!("UPDATE site SET gateways = '{gateways}'")).await;
        let case = format!("{gateways}: {through}");
        let id = format!("order-{at}");
        let mut order = gateway.direct_order(&id, COBADGED);
        order["gateway"] = json!(through);
        match expected {
            Err(why) => {
                let answer = gateway.call("POST", ORDERS, &order.to_string()).await;
                let info = format!("Invalid gateway_info.card_number: {why}");
                answer.assert_refused(400, 1016, &info, &case);
            }
            Ok(brand) => {
                let placed = gateway.place(&order).await;
                let bank = gateway.customer().open(placed["payment_url"].as_str().unwrap()).await;
                gateway.customer().answer(&bank, "Y").await;
                let order = gateway.read(&id).await;
                assert_eq!(
                    (&order["status"], &order["payment_details"]["type"]),
                    (&json!("completed"), &json!(brand)),
                    "{case}"
                );
            }
        }
    }
    let mut order = gateway.direct_order("short", "679999100002");
    order["gateway"] = json!("MAESTRO");
    let answer = gateway.call("POST", ORDERS, &order.to_string()).await;
    let info = "Invalid gateway_info.card_number: must have as many digits as this kind of card has";
    answer.assert_refused(400, 1016, info, "12 digits");
    gateway.audited().await;
}

/// A token keeps what its customer chose; what is known of the card is looked up with every payment.
#[rstest]
#[tokio::test]
async fn a_token_is_paid_with_the_brand_it_was_kept_as(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values("MAESTRO", "MASTERCARD")] chosen: &str,
) {
    let gateway = Gateway::start_as(database, Setup::cobadged()).await;
    let mut order = gateway.direct_order("1", COBADGED);
    order["gateway"] = json!(chosen);
    order["recurring_model"] = json!("cardOnFile");
    order["customer"]["reference"] = json!("customer");
    let placed = gateway.place(&order).await;
    let bank = gateway.customer().open(placed["payment_url"].as_str().unwrap()).await;
    gateway.customer().answer(&bank, "Y").await;
    let token = gateway.read("1").await["payment_details"]["recurring_id"].clone();

    let mut order = gateway.order("2");
    order.as_object_mut().unwrap().remove("gateway");
    order["type"] = json!("direct");
    order["recurring_model"] = json!("cardOnFile");
    order["customer"]["reference"] = json!("customer");
    order["recurring_id"] = token;
    let placed = gateway.place(&order).await;
    if placed["status"] == "initialized" {
        let bank = gateway.customer().open(placed["payment_url"].as_str().unwrap()).await;
        gateway.customer().answer(&bank, "Y").await;
    }
    let order = gateway.read("2").await;
    assert_eq!(order["status"], "completed", "{order}");
    let details = &order["payment_details"];
    let shown = ["type", "issuer_country_code", "card_funding", "card_product"].map(|key| &details[key]);
    assert_eq!(shown, [chosen, "BE", "D", "MDB"]);
    gateway.audited().await;
}
