//! The secrets of webhooks: one at a time, and the one before for a while.

use super::*;
use crate::store::webhook_secrets::SealedSecrets;
use rstest::rstest;

#[rstest]
#[tokio::test]
async fn a_secret_is_set_once_and_replaced_by_who_knows_it(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let read = || bench.store.webhook_secrets(SITE);
    let set = async |known: Option<&SealedSecrets>, next: u8, now| {
        bench.store.set_webhook_secret(SITE, known, vec![0, 255, next], now).await
    };
    assert_eq!(read().await.unwrap(), None);
    set(None, 1, NOW).await.unwrap();
    let first = SealedSecrets { current: vec![0, 255, 1], before: None };
    assert_eq!(read().await.unwrap(), Some(first.clone()));
    let late = set(None, 2, NOW).await;
    assert!(matches!(late, Err(WriteError::Stale)), "{late:?}");

    set(Some(&first), 2, after(5)).await.unwrap();
    let second = SealedSecrets { current: vec![0, 255, 2], before: Some((vec![0, 255, 1], after(5))) };
    assert_eq!(read().await.unwrap(), Some(second.clone()));
    let late = set(Some(&first), 3, after(6)).await;
    assert!(matches!(late, Err(WriteError::Stale)), "{late:?}");
    set(Some(&second), 3, after(7)).await.unwrap();
    assert_eq!(read().await.unwrap().unwrap().before, Some((vec![0, 255, 2], after(7))));
    assert_eq!(bench.store.webhook_secrets(SiteId(2)).await.unwrap(), None);
}
