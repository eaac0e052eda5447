//! What a site says about itself.

use super::*;
use crate::store::{About, SiteField};
use rstest::rstest;

#[rstest]
#[tokio::test]
async fn a_site_changes_what_it_names_and_nothing_else(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let new = NewSite { name: "Another".to_owned(), live: false, own_amex: false };
    bench.store.create_site(SiteId(2), &new, NOW).await.unwrap();
    let about = async || bench.store.about_site(SITE).await.unwrap().unwrap();
    let none = None::<String>;
    let mut expected = About {
        name: "Test shop".to_owned(),
        url: none.clone(),
        notification_url: none.clone(),
        support_email: none.clone(),
        support_phone: none.clone(),
    };
    assert_eq!(about().await, expected);
    for (field, text) in [
        (SiteField::Name, Some("Zoë's")),
        (SiteField::Url, Some("https://shop.example/")),
        (SiteField::NotificationUrl, Some("https://shop.example/n")),
        (SiteField::SupportEmail, Some("help@shop.example")),
        (SiteField::SupportPhone, Some("+31 20 123")),
        (SiteField::Url, None),
        (SiteField::Name, None),
    ] {
        let text = text.map(str::to_owned);
        expected.set(field, text.clone());
        bench.store.change_site(SITE, vec![(field, text)], Vec::new()).await.unwrap();
        assert_eq!(about().await, expected, "{field:?}");
    }
    assert_eq!((expected.name.as_str(), &expected.url), ("Zoë's", &None));
    let site = bench.store.site(SITE).await.unwrap().unwrap();
    assert_eq!((&site.name, &site.notification_url), (&expected.name, &expected.notification_url));
    assert_eq!(bench.store.about_site(SiteId(2)).await.unwrap().unwrap().name, "Another");
    assert!(bench.store.about_site(SiteId(3)).await.unwrap().is_none());
    let nobody = bench.store.change_site(SiteId(3), Vec::new(), Vec::new()).await;
    assert!(matches!(nobody, Err(WriteError::Stale)), "{nobody:?}");
}
