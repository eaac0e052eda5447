//! The list of payments and movements, in its lanes.

use super::*;
use crate::store::list::{Direction, Key, Lane, Position};
use crate::store::orders::LOAD_MAX;
use payments::decide::{NewChargeback, NewRefund, Turn};
use rstest::rstest;

const NEWEST: Position = Position { at: Timestamp(i64::MAX), id: TransactionId(i64::MAX) };
const OLDEST: Position = Position { at: Timestamp(i64::MIN), id: TransactionId(i64::MIN) };
const EVER: (Timestamp, Timestamp) = (Timestamp(i64::MIN), Timestamp(i64::MAX));

fn ids(keys: &[Key]) -> Vec<i64> {
    keys.iter().map(|key| key.position.id.0).collect()
}

impl Bench {
    /// An order that is paid `seconds` after the start by this PSP id.
    async fn paid_at(&self, order: &str, transaction: i64, seconds: i64) -> Order {
        let order = self.place(order).await;
        let order = self.run(&order, submit(&order, transaction), after(seconds)).await;
        let order = self.run(&order, authenticated(transaction), after(seconds)).await;
        self.run(&order, approved(transaction, 1), after(seconds)).await
    }

    async fn refund(&self, order: &Order, id: i64, seconds: i64) -> Order {
        let new = NewRefund {
            id: TransactionId(id),
            currency: order.terms.amount.currency,
            amount_minor: Some(100),
            order: order.id.clone(),
            note: "{}".to_owned(),
            rests: Millis::seconds(2),
            is_keyed: false,
        };
        self.run(order, Command::Refund(Box::new(new)), after(seconds)).await
    }

    async fn lane(&self, lane: Lane) -> Vec<i64> {
        let older = self.store.list(SITE, lane, Direction::Older, NEWEST, EVER.0, 100).await.unwrap();
        let mut newer = self.store.list(SITE, lane, Direction::Newer, OLDEST, EVER.1, 100).await.unwrap();
        newer.reverse();
        assert_eq!(older, newer, "{lane:?}: the same from both ends");
        ids(&older)
    }
}

#[rstest]
#[tokio::test]
async fn every_lane_has_what_it_says_newest_first(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let first = bench.paid_at("a", 11, 1).await;
    let second = bench.paid_at("b", 12, 2).await;
    // In the same millisecond: the id decides.
    bench.paid_at("c", 14, 3).await;
    bench.paid_at("d", 13, 3).await;
    let open = bench.place("e").await;
    bench.run(&open, submit(&open, 15), after(4)).await;
    bench.refund(&first, 21, 5).await;
    let new =
        NewChargeback { id: TransactionId(22), amount_minor: None, reason_code: None, note: "{}".to_owned() };
    let second = bench.run(&second, Command::ChargedBack(new), after(6)).await;
    let won = Command::Disputed { chargeback: TransactionId(22), turn: Turn::Won(TransactionId(23)) };
    bench.run(&second, won, after(7)).await;

    let (eur, usd) = (Currency::parse("EUR").unwrap(), Currency::parse("USD").unwrap());
    for (lane, expected) in [
        (Lane::Payments, &[15, 14, 13, 12, 11][..]),
        (Lane::PaymentsIn(eur), &[15, 14, 13, 12, 11]),
        (Lane::PaymentsIn(usd), &[]),
        (Lane::PaymentsAs("completed"), &[14, 13, 12, 11]),
        (Lane::PaymentsAs("authenticating"), &[15]),
        (Lane::PaymentsAs("declined"), &[]),
        (Lane::GivenBack, &[12, 11]),
        (Lane::Movements("refund"), &[21]),
        (Lane::Movements("chargeback"), &[22]),
        (Lane::Movements("reverse_chargeback"), &[23]),
        (Lane::MovementsIn("refund", eur), &[21]),
        (Lane::MovementsIn("refund", usd), &[]),
    ] {
        assert_eq!(bench.lane(lane).await, expected, "{lane:?}");
    }
    for (kind, expected) in
        [("refund", None), ("chargeback", Some(after(7))), ("reverse_chargeback", Some(after(7)))]
    {
        let keys = bench.store.list(SITE, Lane::Movements(kind), Direction::Older, NEWEST, EVER.0, 1).await;
        assert_eq!(keys.unwrap()[0].completed_at, expected, "{kind}");
    }
    let keys = bench.store.list(SITE, Lane::Movements("refund"), Direction::Older, NEWEST, EVER.0, 1).await;
    let expected = Key {
        position: Position { at: after(5), id: TransactionId(21) },
        order: id("a"),
        currency: eur,
        brand: Brand::Maestro,
        kind: "refund".to_owned(),
        state: "reserved".to_owned(),
        completed_at: None,
        is_shipped: false,
    };
    assert_eq!(keys.unwrap(), [expected]);
    let other = bench.store.list(SiteId(2), Lane::Payments, Direction::Older, NEWEST, EVER.0, 9).await;
    assert_eq!(other.unwrap(), []);
}

#[rstest]
#[tokio::test]
async fn a_piece_begins_behind_its_position_and_ends_with_its_time(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    for (order, transaction, seconds) in [("a", 11, 1), ("b", 12, 2), ("c", 13, 2), ("d", 14, 3)] {
        bench.paid_at(order, transaction, seconds).await;
    }
    let at = |seconds, id| Position { at: after(seconds), id: TransactionId(id) };
    for (direction, from, end, limit, expected) in [
        (Direction::Older, NEWEST, EVER.0, 2, &[14, 13][..]),
        (Direction::Older, at(2, 13), EVER.0, 9, &[12, 11]),
        (Direction::Older, at(2, 12), EVER.0, 9, &[11]),
        (Direction::Older, at(3, i64::MIN), EVER.0, 9, &[13, 12, 11]),
        (Direction::Older, NEWEST, after(2), 9, &[14, 13, 12]),
        (Direction::Newer, OLDEST, EVER.1, 2, &[11, 12]),
        (Direction::Newer, at(2, 12), EVER.1, 9, &[13, 14]),
        (Direction::Newer, at(1, 11), after(3), 9, &[12, 13]),
        (Direction::Newer, at(3, 14), EVER.1, 9, &[]),
    ] {
        let keys = bench.store.list(SITE, Lane::Payments, direction, from, end, limit).await.unwrap();
        assert_eq!(ids(&keys), expected, "{direction:?} {from:?} {end:?}");
    }
}

#[rstest]
#[tokio::test]
async fn what_was_completed_in_time_says_how_old_it_is(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    // Created in one order, completed in the other.
    let late = bench.place("a").await;
    let late = bench.run(&late, submit(&late, 11), after(1)).await;
    bench.paid_at("b", 12, 5).await;
    let late = bench.run(&late, authenticated(11), after(9)).await;
    bench.run(&late, approved(11, 1), after(10)).await;
    for (from, until, expected) in
        [(0, 99, Some(1)), (5, 10, Some(5)), (6, 99, Some(1)), (0, 5, None), (11, 99, None)]
    {
        let oldest = bench.store.oldest_completed(SITE, after(from), after(until)).await.unwrap();
        assert_eq!(oldest, expected.map(after), "{from} {until}");
    }
}

#[rstest]
#[tokio::test]
async fn many_orders_are_loaded_as_one_by_one(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let mut known = Vec::new();
    for number in 0..LOAD_MAX {
        let number = i64::try_from(number).unwrap();
        let name = format!("order {number:02}");
        let order = match number % 3 {
            0 => bench.place(&name).await,
            1 => bench.paid_at(&name, 100 + number, number).await,
            _ => {
                let order = bench.paid_at(&name, 100 + number, number).await;
                let order = bench.refund(&order, 200 + number, number).await;
                // Two movements, so that the payment has a row for each.
                bench.refund(&order, 300 + number, 1_000).await
            }
        };
        known.push(order);
    }
    let names: Vec<OrderId> = known.iter().map(|order| order.id.clone()).collect();
    assert_eq!(bench.store.load_many(SITE, &names).await.unwrap(), known);
    let some = [id("nobody's"), names[2].clone(), names[2].clone()];
    assert_eq!(bench.store.load_many(SITE, &some).await.unwrap(), [known[2].clone()]);
    assert_eq!(bench.store.load_many(SITE, &[]).await.unwrap(), []);
    assert_eq!(bench.store.load_many(SiteId(2), &names).await.unwrap(), []);
}
