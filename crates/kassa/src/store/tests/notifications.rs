//! The outbox: one row per order, one delivery at a time, and only the newest lease may record.

use super::*;
use crate::store::{Delivery, Heard, Next};
use futures_util::future::join_all;
use rstest::rstest;
use std::collections::BTreeSet;

const LEASE: Millis = Millis::seconds(30);
/// Before and after everything that happens here.
const BEGINNING: Timestamp = Timestamp(0);
const END: Timestamp = Timestamp(i64::MAX);

fn heard(version: i64, next: Next) -> Heard {
    Heard {
        version,
        method: "POST",
        url: "https://shop.example/é".to_owned(),
        started_at: NOW,
        duration_ms: 12,
        http_status: Some(200),
        verdict: if next == Next::Nothing { "acknowledged" } else { "500" }.to_owned(),
        answer: "OK".to_owned(),
        status: "initialized",
        key_id: Some(1),
        next,
    }
}

impl Bench {
    /// An order of which the shop has to be told version 2.
    async fn due(&self, name: &str) -> Order {
        let order = self.place(name).await;
        self.tell(&order, NOW).await
    }

    /// One more version that the shop has to be told of.
    async fn tell(&self, order: &Order, now: Timestamp) -> Order {
        let due = [Change::NotificationDue];
        self.store.commit(SITE, &order.id, Some(order), &due, now).await.unwrap();
        changed(order, &due, now)
    }

    async fn claim_all(&self, now: Timestamp) -> Vec<Delivery> {
        self.store.claim_notifications(SITE, now, now.plus(LEASE), 100).await.unwrap()
    }

    /// The one delivery that is due.
    async fn claim_one(&self, now: Timestamp) -> Delivery {
        let mut claimed = self.claim_all(now).await;
        assert_eq!(claimed.len(), 1, "{claimed:?}");
        claimed.remove(0)
    }

    async fn record(&self, delivery: &Delivery, heard: &Heard, now: Timestamp) {
        self.store.record_delivery(delivery, heard, now).await.unwrap();
    }

    async fn attempts(&self) -> i64 {
        self.number("SELECT COUNT(*) FROM notification_attempt").await
    }
}

#[rstest]
#[tokio::test]
async fn an_acknowledged_delivery_is_settled_and_remembered(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    bench.due("a").await;
    let order = id("a");
    let told = || bench.store.told(SITE, &order);
    let waiting = |version| bench.store.may_be_told_by(SITE, &order, version, NOW, END);
    assert_eq!(told().await.unwrap(), (false, None));
    assert!(waiting(2).await.unwrap());
    assert_eq!(bench.store.next_due(BEGINNING).await.unwrap(), Some(NOW));
    let delivery = bench.claim_one(NOW).await;
    assert_eq!((delivery.site, &delivery.order), (SITE, &id("a")));
    let Delivery { version_wanted, tries, first_at, lease_epoch, .. } = delivery;
    assert_eq!((version_wanted, tries, first_at, lease_epoch), (2, 0, NOW, 1));
    assert_eq!(bench.claim_all(after(29)).await.len(), 0, "the lease holds");

    bench.record(&delivery, &heard(2, Next::Nothing), after(1)).await;
    assert_eq!(told().await.unwrap(), (true, Some("initialized".to_owned())));
    assert!(!waiting(2).await.unwrap());
    assert!(!waiting(3).await.unwrap(), "nobody wants the shop to hear of it");
    assert_eq!(bench.claim_all(after(1_000)).await.len(), 0);
    let row = "SELECT COUNT(*) FROM notification_attempt WHERE lease_epoch = 1 AND version = 2 AND try = 1 \
               AND http_status = 200 AND verdict = 'acknowledged' AND duration_ms = 12 AND key_id = 1";
    assert_eq!(bench.number(row).await, 1);
}

#[rstest]
#[tokio::test]
async fn two_claimers_never_deliver_for_the_same_order(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let another = bench.another().await;
    let names: Vec<String> = (0..60).map(|number| format!("order {number}")).collect();
    join_all(names.iter().map(|name| bench.due(name))).await;
    let mut seen = BTreeSet::new();
    for _ in 0..60 {
        let claims = (0..6).map(|at| {
            let store = if at % 2 == 0 { &bench.store } else { &another };
            store.claim_notifications(SITE, after(1), after(31), 7)
        });
        for claimed in join_all(claims).await {
            for delivery in claimed.unwrap() {
                assert!(seen.insert(delivery.order.clone()), "{delivery:?} was claimed twice");
            }
        }
        if seen.len() == 60 {
            break;
        }
    }
    assert_eq!(seen.len(), 60, "all are claimed in the end");
}

#[rstest]
#[tokio::test]
async fn an_older_lease_cannot_record(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let bench = Bench::open(database).await;
    bench.due("a").await;
    let stale = bench.claim_one(NOW).await;
    let fresh = bench.claim_one(after(30)).await;
    assert_eq!((stale.lease_epoch, fresh.lease_epoch), (1, 2));
    for next in [Next::Nothing, Next::Park { quiet_until: None }, Next::Retry { at: NOW, quiet_until: None }]
    {
        let ended = bench.store.record_delivery(&stale, &heard(2, next), after(31)).await;
        assert!(matches!(ended, Err(WriteError::Stale)), "{next:?}: {ended:?}");
    }
    let dropped = bench.store.drop_delivery(&stale, after(31)).await;
    assert!(matches!(dropped, Err(WriteError::Stale)), "{dropped:?}");
    assert_eq!(bench.attempts().await, 0, "nothing of it is in the history");
    assert_eq!(bench.claim_all(after(31)).await.len(), 0, "the newer lease still holds");
    bench.record(&fresh, &heard(2, Next::Nothing), after(32)).await;
    assert_eq!(bench.attempts().await, 1);
}

#[rstest]
#[tokio::test]
async fn a_failed_delivery_is_tried_again_when_it_is_time(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    bench.due("a").await;
    for (tries, now, at) in [(0, 0, 5), (1, 5, 60), (2, 60, 900)] {
        let delivery = bench.claim_one(after(now)).await;
        assert_eq!((delivery.tries, delivery.first_at), (tries, NOW));
        let next = Next::Retry { at: after(at), quiet_until: None };
        bench.record(&delivery, &heard(2, next), after(now)).await;
        assert_eq!(bench.claim_all(after(at - 1)).await.len(), 0);
        assert!(bench.store.may_be_told_by(SITE, &id("a"), 2, NOW, END).await.unwrap());
    }
    assert_eq!(bench.attempts().await, 3);
}

/// What happened to the delivery, and when a version that came meanwhile is due: seconds after the record.
#[rstest]
#[case(Next::Nothing, 0)]
#[case(Next::Park { quiet_until: None }, 0)]
#[case(Next::Retry { at: after(900), quiet_until: None }, 0)]
#[case(Next::Retry { at: after(900), quiet_until: Some(after(61)) }, 60)]
#[tokio::test]
async fn a_version_that_came_during_a_delivery_is_due_next_with_all_its_tries(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[case] next: Next,
    #[case] wait: i64,
) {
    let bench = Bench::open(database).await;
    let order = bench.due("a").await;
    let delivery = bench.claim_one(NOW).await;
    bench.tell(&order, after(1)).await;
    assert_eq!(bench.claim_all(after(1)).await.len(), 0, "never two at once for one order");
    bench.record(&delivery, &heard(2, next), after(1)).await;
    if wait > 0 {
        assert_eq!(bench.claim_all(after(wait)).await.len(), 0, "quiet");
    }
    let delivery = bench.claim_one(after(1 + wait)).await;
    assert_eq!((delivery.version_wanted, delivery.tries), (3, 0));
    assert_eq!(delivery.first_at, after(1));
}

#[rstest]
#[tokio::test]
async fn a_version_that_comes_after_a_time_out_waits_until_the_quiet_is_over(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.due("a").await;
    let delivery = bench.claim_one(NOW).await;
    let next = Next::Retry { at: after(900), quiet_until: Some(after(60)) };
    bench.record(&delivery, &heard(2, next), after(1)).await;
    let order = bench.tell(&order, after(2)).await;
    assert_eq!(bench.claim_all(after(59)).await.len(), 0, "quiet");
    let delivery = bench.claim_one(after(60)).await;
    assert_eq!((delivery.version_wanted, delivery.tries), (3, 0));
    bench.record(&delivery, &heard(3, Next::Nothing), after(61)).await;
    bench.tell(&order, after(62)).await;
    assert_eq!(bench.claim_one(after(62)).await.version_wanted, 4, "no quiet is left");
}

#[rstest]
#[tokio::test]
async fn a_parked_notification_rests_until_there_is_news(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.due("a").await;
    let delivery = bench.claim_one(NOW).await;
    bench.record(&delivery, &heard(2, Next::Park { quiet_until: None }), after(1)).await;
    assert_eq!(bench.claim_all(after(10_000_000)).await.len(), 0);
    assert_eq!(bench.store.told(SITE, &id("a")).await.unwrap(), (false, None), "parked is not settled");
    assert!(!bench.store.may_be_told_by(SITE, &id("a"), 2, NOW, END).await.unwrap(), "nobody waits for it");
    bench.tell(&order, after(100)).await;
    let delivery = bench.claim_one(after(100)).await;
    assert_eq!((delivery.version_wanted, delivery.tries, delivery.first_at), (3, 0, after(100)));
    bench.record(&delivery, &heard(3, Next::Nothing), after(101)).await;
    assert!(bench.store.told(SITE, &id("a")).await.unwrap().0);
}

#[rstest]
#[tokio::test]
async fn a_delivery_that_nobody_is_to_get_is_dropped_but_not_the_next(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.due("a").await;
    let delivery = bench.claim_one(NOW).await;
    bench.store.drop_delivery(&delivery, NOW).await.unwrap();
    assert_eq!(bench.claim_all(after(1_000)).await.len(), 0);
    assert_eq!(bench.attempts().await, 1, "who asks finds that it had nowhere to go");

    let order = bench.tell(&order, after(1_000)).await;
    let delivery = bench.claim_one(after(1_000)).await;
    bench.tell(&order, after(1_001)).await;
    bench.store.drop_delivery(&delivery, after(1_001)).await.unwrap();
    assert_eq!(bench.claim_one(after(1_001)).await.version_wanted, 4, "the next need not wait for a lease");
}

#[rstest]
#[tokio::test]
async fn what_was_settled_parked_or_never_told_is_sent_again_when_asked_for(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let acked = bench.due("acked").await;
    bench.record(&bench.claim_one(NOW).await, &heard(2, Next::Nothing), NOW).await;
    let parked = bench.due("parked").await;
    bench.record(&bench.claim_one(NOW).await, &heard(2, Next::Park { quiet_until: None }), NOW).await;
    let failing = bench.due("failing").await;
    let retry = Next::Retry { at: after(900), quiet_until: Some(after(50)) };
    bench.record(&bench.claim_one(NOW).await, &heard(2, retry), NOW).await;
    let silent = bench.place("silent").await;
    assert_eq!(bench.claim_all(after(30)).await.len(), 0);
    for order in [&acked, &parked, &failing, &silent] {
        bench.store.resend_notification(order, Vec::new(), after(30)).await.unwrap();
    }
    let mut seen = bench.claim_all(after(30)).await;
    seen.sort_by(|one, other| one.order.as_str().cmp(other.order.as_str()));
    let seen: Vec<_> = seen.iter().map(|one| (one.order.as_str(), one.version_wanted, one.tries)).collect();
    assert_eq!(seen, [("acked", 2, 0), ("parked", 2, 0), ("silent", 1, 0)]);
    let quiet = bench.claim_one(after(50)).await;
    assert_eq!((quiet.order.as_str(), quiet.tries), ("failing", 0), "its shop may have been at work");
    assert_eq!(quiet.first_at, after(30), "the tries start over");
}

#[rstest]
#[tokio::test]
async fn a_resend_that_was_asked_for_during_a_delivery_follows_it(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values(
        Next::Nothing,
        Next::Retry { at: after(900), quiet_until: None },
        Next::Park { quiet_until: None }
    )]
    next: Next,
) {
    let bench = Bench::open(database).await;
    let order = bench.due("a").await;
    let delivery = bench.claim_one(NOW).await;
    bench.store.resend_notification(&order, Vec::new(), after(1)).await.unwrap();
    assert_eq!(bench.claim_all(after(1)).await.len(), 0, "one delivery at a time");
    bench.record(&delivery, &heard(2, next), after(2)).await;
    let again = bench.claim_one(after(2)).await;
    assert_eq!((again.version_wanted, again.tries, again.first_at), (2, 0, after(1)));
    bench.record(&again, &heard(2, Next::Nothing), after(3)).await;
    assert_eq!(bench.claim_all(after(9_000)).await.len(), 0);
    assert_eq!(bench.attempts().await, 2);
}

#[rstest]
#[tokio::test]
async fn what_has_to_be_heard_first_is_tried_like_the_wanted_version_which_is_due_behind_it(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let order = bench.due("a").await;
    bench.tell(&order, after(1)).await;
    let first = bench.claim_one(after(1)).await;
    assert_eq!(first.version_wanted, 3);
    // Version 2 is told first. A try that fails is one of the wanted version's: nothing is due before its time.
    bench.record(&first, &heard(2, Next::Retry { at: after(500), quiet_until: None }), after(2)).await;
    assert_eq!(bench.claim_all(after(499)).await.len(), 0);
    let second = bench.claim_one(after(500)).await;
    assert_eq!((second.version_wanted, second.tries, second.first_at), (3, 1, after(1)));
    bench.record(&second, &heard(2, Next::Nothing), after(501)).await;
    let wanted = bench.claim_one(after(501)).await;
    assert_eq!(
        (wanted.version_wanted, wanted.tries, wanted.first_at),
        (3, 0, after(501)),
        "with all its tries"
    );
    bench.record(&wanted, &heard(3, Next::Nothing), after(502)).await;
    assert_eq!(bench.claim_all(after(9_000)).await.len(), 0);

    let parked = bench.due("b").await;
    bench.tell(&parked, after(1)).await;
    let first = bench.claim_one(after(1)).await;
    bench.record(&first, &heard(2, Next::Park { quiet_until: None }), after(2)).await;
    assert_eq!(bench.claim_all(after(9_000)).await.len(), 0, "it is parked like any other");
}

#[rstest]
#[tokio::test]
async fn a_shop_has_heard_of_a_payment_when_it_acknowledged_a_paid_state(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    for (status, next, known) in [
        ("initialized", Next::Nothing, false),
        ("completed", Next::Park { quiet_until: None }, false),
        ("completed", Next::Nothing, true),
        ("partial_refunded", Next::Nothing, true),
        ("void", Next::Nothing, false),
    ] {
        let name = format!("{status} {known}");
        bench.due(&name).await;
        let told = Heard { status, ..heard(2, next) };
        bench.record(&bench.claim_one(NOW).await, &told, NOW).await;
        assert_eq!(bench.store.has_heard_of_payment(SITE, &id(&name)).await.unwrap(), known, "{name}");
    }
    assert!(!bench.store.has_heard_of_payment(SITE, &id("nobody")).await.unwrap());
}
