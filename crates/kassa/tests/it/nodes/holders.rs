//! The node that holds a card, and the nodes that hear how its customer's authentication ended.

use crate::harness::{Answer, Database, Gateway};
use kassa::app::App;
use payments::time::Millis;
use rstest::rstest;

const CARD: &str = "4111111111111111";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A customer at the issuer's page, whose card is at the first node, and the second node with its address.
async fn at_issuer(database: Database) -> (Gateway, String, App, String) {
    let gateway = Gateway::start(database).await;
    let (other, url) = gateway.peer().await;
    gateway.app.beat().await.unwrap();
    other.beat().await.unwrap();
    let mut order = gateway.order("A-1");
    order["gateway"] = "VISA".into();
    let placed = gateway.place(&order).await;
    let challenge = gateway.customer().pay_with(placed["payment_url"].as_str().unwrap(), CARD).await;
    assert!(challenge.has("select[name=transStatus]"), "{challenge:?}");
    let path = challenge.action();
    let path = path.strip_prefix(&gateway.url).unwrap_or(&path).to_owned();
    (gateway, path, other, url)
}

impl Gateway {
    /// Confirms with the issuer at the node `url`; where that leads.
    async fn confirm_at(&self, url: &str, path: &str) -> String {
        let answer = self.call_at(url, "POST", path, &[FORM], "transStatus=Y").await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        let target = answer.headers["location"].to_str().unwrap();
        target.strip_prefix(url).unwrap_or(target).to_owned()
    }

    async fn open_at(&self, url: &str, path: &str) -> Answer {
        self.call_at(url, "GET", path, &[], "").await
    }

    async fn authorisations(&self) -> i64 {
        self.count("SELECT COUNT(*) FROM simulator_authorisation").await
    }
}

#[rstest]
#[tokio::test]
async fn who_holds_the_card_authorises_it_whoever_hears_the_outcome(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let (gateway, path, other, url) = at_issuer(database).await;
    let back = gateway.confirm_at(&url, &path).await;
    // The second node does what is due, and leaves this alone.
    other.run_jobs().await;
    assert_eq!(gateway.status("A-1").await, "initialized/initialized");
    assert_eq!(gateway.sql("SELECT state FROM authentication").await, [["answered"]]);

    let customer = gateway.customer();
    let back = format!("{url}{back}");
    let holder = async {
        // The customer is already waiting at the second node.
        tokio::task::yield_now().await;
        gateway.app.take_outcomes().await.unwrap();
    };
    let (shown, ()) = tokio::join!(customer.open(&back), holder);
    assert_eq!(shown.outcome.as_deref(), Some("paid"), "{shown:?}");
    assert_eq!(gateway.status("A-1").await, "completed/completed");
    assert_eq!(gateway.authorisations().await, 1);
    let kept = "SELECT state, COALESCE(holder, 'nobody'), COALESCE(LENGTH(sealed), 0) FROM authentication";
    assert_eq!(gateway.sql(kept).await, [["ended", "nobody", "0"]]);
    gateway.work().await;
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn after_the_holders_death_the_card_is_asked_for_again_and_nothing_is_charged(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let (gateway, path, other, url) = at_issuer(database).await;
    for _ in 0..2 {
        gateway.clock.advance(Millis::seconds(2));
        other.beat().await.unwrap();
    }
    let back = gateway.confirm_at(&url, &path).await;
    let shown = gateway.open_at(&url, &back).await;
    assert_eq!(shown.status, 303, "back to the form: {}", shown.text);
    assert_eq!(gateway.authorisations().await, 0);
    let attempts = "SELECT state FROM payment_transaction";
    assert_eq!(gateway.sql(attempts).await, [["declined"]]);

    // The holder was not dead after all: what it has is of no use any more.
    gateway.app.beat().await.unwrap();
    gateway.app.take_outcomes().await.unwrap();
    gateway.work().await;
    assert_eq!(
        (gateway.sql(attempts).await, gateway.authorisations().await),
        (vec![vec!["declined".into()]], 0)
    );

    // The customer types it again, at the second node.
    let page = gateway.open_at(&url, shown.headers["location"].to_str().unwrap()).await;
    assert!(page.text.contains("card_number"), "{}", page.text);
    gateway.audited().await;
}

#[rstest]
#[tokio::test]
async fn a_node_that_the_database_does_not_hear_declares_nobody_dead(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let (gateway, path, other, url) = at_issuer(database).await;
    // Nobody could beat for a while: the database was away. It is back, and the first node is not yet.
    gateway.clock.advance(Millis::seconds(9));
    other.beat().await.unwrap();
    let back = gateway.confirm_at(&url, &path).await;
    assert_eq!(gateway.sql("SELECT state FROM authentication").await, [["answered"]]);
    gateway.app.take_outcomes().await.unwrap();
    let shown = gateway.customer().open(&back).await;
    assert_eq!(shown.outcome.as_deref(), Some("paid"), "{shown:?}");
}

#[rstest]
#[tokio::test]
async fn a_holder_that_lives_and_does_nothing_is_not_waited_for_forever(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let (gateway, path, other, url) = at_issuer(database).await;
    gateway.confirm_at(&url, &path).await;
    for _ in 0..11 {
        gateway.clock.advance(Millis::seconds(1));
        gateway.app.beat().await.unwrap();
        other.beat().await.unwrap();
        other.run_jobs().await;
    }
    assert_eq!(gateway.sql("SELECT state FROM payment_transaction").await, [["declined"]]);
    assert_eq!(gateway.authorisations().await, 0);
}
