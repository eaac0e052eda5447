//! Sites and their keys.

use super::*;
use crate::store::ApiKey;
use rstest::rstest;

fn key(site: SiteId, number: i64) -> ApiKey {
    let sealed = vec![0, 255, u8::try_from(number).unwrap()];
    ApiKey { site, id: number, sealed, created_at: after(number), last_used_at: None }
}

fn digest(number: u8) -> Vec<u8> {
    vec![number; 32]
}

impl Bench {
    async fn add(&self, number: i64, revoke_others: bool) {
        let digest = digest(u8::try_from(number).unwrap());
        self.store.add_key(&key(SITE, number), digest, revoke_others).await.unwrap();
    }

    async fn valid(&self) -> Vec<i64> {
        self.store.valid_keys(SITE).await.unwrap().iter().map(|key| key.id).collect()
    }
}

#[rstest]
#[tokio::test]
async fn a_site_is_read_back_and_its_number_is_taken(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let new = NewSite { name: "Zoë's & Søn".to_owned(), live: true, own_amex: true };
    bench.store.create_site(SiteId(2), &new, NOW).await.unwrap();
    let taken = bench.store.create_site(SiteId(2), &new, NOW).await;
    assert!(matches!(taken, Err(WriteError::Stale)), "{taken:?}");
    let sites = bench.store.sites().await.unwrap();
    let shown: Vec<_> =
        sites.iter().map(|site| (site.id.0, site.name.as_str(), site.live, site.own_amex)).collect();
    assert_eq!(shown, [(1, "Test shop", false, false), (2, "Zoë's & Søn", true, true)]);
    let site = bench.store.site(SiteId(2)).await.unwrap().unwrap();
    assert_eq!((site.zone.as_str(), site.notification_method.as_str()), ("Europe/Amsterdam", "POST"));
    assert_eq!((site.gateways.len(), &site.notification_url), (5, &None));
    assert!(bench.store.site(SiteId(3)).await.unwrap().is_none());
}

#[rstest]
#[tokio::test]
async fn a_key_is_found_by_its_digest_until_it_is_revoked(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let find =
        async |number| bench.store.find_key(&[digest(number)]).await.map(|found| found.map(|(key, _)| key));
    assert_eq!(bench.store.next_key_id(SITE).await.unwrap(), 1);
    bench.add(1, false).await;
    bench.add(2, false).await;
    assert_eq!(bench.store.next_key_id(SITE).await.unwrap(), 3);
    let found = find(2).await.unwrap().unwrap();
    assert_eq!((found.site, found.id, found.created_at), (SITE, 2, after(2)));
    assert_eq!((found.sealed, found.last_used_at), (key(SITE, 2).sealed, None));
    assert!(find(3).await.unwrap().is_none());
    // Under several key-encryption keys a key may have any of several digests.
    for digests in [vec![8, 2], vec![2, 8], vec![8, 9, 2], vec![6, 7, 8, 2]] {
        let digests: Vec<_> = digests.into_iter().map(digest).collect();
        assert_eq!(bench.store.find_key(&digests).await.unwrap().unwrap().0.id, 2, "{digests:?}");
    }
    assert!(bench.store.find_key(&[7, 8].map(digest)).await.unwrap().is_none());
    for (number, bytes) in [(2, 9), (9, 2)] {
        let taken = bench.store.add_key(&key(SITE, number), digest(bytes), true).await;
        assert!(matches!(taken, Err(WriteError::Stale)), "{number} {bytes}: {taken:?}");
    }
    assert_eq!(bench.valid().await, [2, 1], "a refused key revokes nothing");

    bench.add(3, true).await;
    assert_eq!(bench.valid().await, [3]);
    assert!(find(2).await.unwrap().is_none());
    assert_eq!(bench.store.next_key_id(SITE).await.unwrap(), 4, "numbers are not used twice");
}

#[rstest]
#[tokio::test]
async fn the_key_that_was_used_last_comes_first(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    for number in 1..=3 {
        bench.add(number, false).await;
    }
    assert_eq!(bench.valid().await, [3, 2, 1], "unused: the newest");
    bench.store.touch_key(&key(SITE, 1), after(100)).await.unwrap();
    bench.store.touch_key(&key(SITE, 2), after(50)).await.unwrap();
    assert_eq!(bench.valid().await, [1, 2, 3]);
    let (used, of) = bench.store.find_key(&[digest(1)]).await.unwrap().unwrap();
    assert_eq!(of.id, used.site);
    assert_eq!(used.last_used_at, Some(after(100)));
    assert_eq!(bench.store.valid_keys(SiteId(2)).await.unwrap().len(), 0);
}
