//! How a card payment can end: by the issuer's word, by nobody's word, and by the clock.

mod amount_rules;
mod called;
mod cards;
mod completion;
mod faults;
mod no_answer;
mod open_to_buy;
mod patience;
mod restart;
mod suspension;
mod timers;
mod twice;

use crate::harness::{Gateway, Page};
use payments::time::Millis;
use serde_json::{Value, json};

/// A card that is paid.
const PAID: &str = "6799990000000000011";
/// After this long without an answer the worker takes over.
const OVERDUE: Millis = Millis::seconds(25);
/// Charges that stand at the acquirer.
const CHARGES: &str =
    "SELECT COUNT(*) FROM simulator_authorisation WHERE response_code = '00' AND reversed_at IS NULL";

/// What the form sends for a card.
fn fields(card: &str) -> [(&str, &str); 4] {
    let cvc = if card.starts_with('3') { "1234" } else { "123" };
    [("card_number", card), ("card_holder", "A. Customer"), ("card_expiry", "12/35"), ("card_cvc", cvc)]
}

impl Gateway {
    /// The path of a new order's page, in English.
    async fn page_of(&self, id: &str) -> String {
        let session = self.place(&self.order(id)).await["session_id"].as_str().unwrap().to_owned();
        format!("/connect/{session}/?lang=en")
    }

    /// Submits a card, and tells the shop.
    async fn submit(&self, path: &str, card: &str) -> Page {
        let page = self.customer().submit(path, &fields(card)).await;
        self.work().await;
        page
    }

    /// Submits a card and, where the issuer asks, confirms; tells the shop in between.
    async fn pay(&self, path: &str, card: &str) -> Page {
        let page = self.submit(path, card).await;
        if !page.has("select[name=transStatus]") {
            return page;
        }
        let end = self.customer().answer(&page, "Y").await;
        self.work().await;
        end
    }

    /// How many charges stand at the acquirer.
    async fn charges(&self) -> i64 {
        self.count(CHARGES).await
    }

    /// The one authorisation in the acquirer's book: inquiries, reversals, and whether it stands.
    async fn book(&self) -> (i64, i64, bool) {
        let sql = "SELECT inquiries, reversals, CASE WHEN reversed_at IS NULL THEN 1 ELSE 0 END \
                   FROM simulator_authorisation";
        let rows = self.sql(sql).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        (rows[0][0].parse().unwrap(), rows[0][1].parse().unwrap(), rows[0][2] == "1")
    }
}

/// An order by telephone, with its card: it is answered once it is decided, and no job is done meanwhile.
fn by_telephone(gateway: &Gateway, id: &str) -> Value {
    let mut order = gateway.order(id);
    order["type"] = json!("direct");
    order["gateway"] = json!("VISA");
    order["gateway_info"] = json!({
        "card_number": "4111111111111111", "card_holder_name": "A. Customer", "card_expiry_date": "3512",
        "moto": true,
    });
    order
}

/// The page says that nobody knows yet.
fn assert_checking(page: &Page) {
    assert_eq!((page.status, page.text("h1").as_str()), (200, "Your payment is being checked"), "{page:?}");
    assert!(page.has("meta[http-equiv=refresh]"), "it looks again by itself");
}

/// What the merchant's balance and its neighbours hold, without the site.
fn amounts(balances: &[String]) -> Vec<&str> {
    balances.iter().map(|line| line.strip_prefix("site 1 ").unwrap()).collect()
}
