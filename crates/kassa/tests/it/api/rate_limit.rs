//! How many requests a key may make.

use crate::harness::{Database, Gateway, Setup};
use futures_util::future::join_all;
use payments::time::Millis;
use rstest::rstest;
use serde_json::json;

const ME: &str = "/v1/json/me";

impl Gateway {
    /// How many of so many requests at once are answered.
    async fn answered_of(&self, count: usize) -> usize {
        let answers = join_all((0..count).map(|_| self.call("GET", ME, ""))).await;
        for answer in answers.iter().filter(|answer| answer.status != 200) {
            let info = "Too many requests with this API key";
            let expected = json!({"success": false, "data": {}, "error_code": 1000, "error_info": info});
            assert_eq!((answer.status, &answer.json), (429, &expected));
            assert_eq!(answer.headers["retry-after"], "1");
        }
        answers.iter().filter(|answer| answer.status == 200).count()
    }
}

#[rstest]
#[case::of_a_live_site((5, 0), true)]
#[case::of_a_test_site((0, 5), false)]
#[tokio::test]
async fn a_key_makes_so_many_requests_per_second(#[case] rate_limits: (u32, u32), #[case] live: bool) {
    let gateway = Gateway::start_as(Database::Sqlite, Setup { rate_limits, ..Setup::default() }).await;
    if live {
        gateway.sql("UPDATE site SET live_since = 1").await;
    }
    assert_eq!(gateway.answered_of(30).await, 10, "two seconds' worth at once");
    assert_eq!(gateway.answered_of(3).await, 0);
    gateway.clock.advance(Millis(199));
    assert_eq!(gateway.answered_of(3).await, 0);
    gateway.clock.advance(Millis(1));
    assert_eq!(gateway.answered_of(3).await, 1, "a fifth of a second");
    gateway.clock.advance(Millis::seconds(1));
    assert_eq!(gateway.answered_of(30).await, 5, "what was refused was not counted");
    gateway.clock.advance(Millis::days(1));
    assert_eq!(gateway.answered_of(30).await, 10, "it does not add up forever");
}

#[tokio::test]
async fn a_request_counts_once_and_every_key_for_itself() {
    let setup = Setup { rate_limits: (0, 1), ..Setup::default() };
    let gateway = Gateway::start_as(Database::Sqlite, setup).await;
    let other = gateway.app.create_site("Another shop", false).await.unwrap();
    // A body and the caller are read separately.
    gateway.place(&gateway.order("A-1")).await;
    assert_eq!(gateway.answered_of(3).await, 1);
    let theirs = gateway.call_with("GET", ME, &[("api_key", other.expose())], "").await;
    assert_eq!(theirs.status, 200, "{}", theirs.text);
    let unknown = gateway.call_with("GET", ME, &[("api_key", "no such key")], "").await;
    assert_eq!(unknown.status, 401, "{}", unknown.text);
}

#[tokio::test]
async fn no_limit_is_no_limit() {
    let setup = Setup { rate_limits: (1, 0), ..Setup::default() };
    let gateway = Gateway::start_as(Database::Sqlite, setup).await;
    assert_eq!(gateway.answered_of(50).await, 50);
}
