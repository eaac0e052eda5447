//! What is there before anything is measured: a site with its key, and as many orders as are asked for; and the raw
//! rate at which orders can be put there.

use super::server::{Home, KEY, key_file};
use crate::clock::Clock;
use crate::keys::{ApiSecret, KeyRing};
use crate::random::Random;
use crate::sites;
use crate::store::{Location, Store, Variant};
use anyhow::{Context as _, ensure};
use futures_util::future::try_join_all;
use payments::card::{Brand, Gateway};
use payments::decide::{NewOrder, Placing, place};
use payments::ids::{OrderId, SESSION_RANDOM, SessionId, SiteId};
use payments::money::{Amount, Currency};
use payments::order::Terms;
use payments::time::Millis;
use payments::transaction::Capturing;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// How many orders are on their way to the store at once.
const AT_ONCE: u64 = 512;
/// What an order of a webshop carries besides what is decided upon, as it is kept.
const DETAILS: &str = include_str!("details.json");

/// A store with its one site.
#[derive(Clone, Debug)]
pub(super) struct Data {
    store: Store,
    site: SiteId,
    random: Random,
}

impl Data {
    /// Opens or creates the data of a gateway.
    pub(super) async fn open(home: &Home, variant: Variant) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&home.folder)?;
        let random = Random::system();
        let key_path = key_file(&home.folder);
        let keys =
            if key_path.exists() { KeyRing::open(&key_path) } else { KeyRing::create(&key_path, &random) };
        let location = match &home.database {
            Some(url) => Location::Postgres(url.clone()),
            None => Location::File(home.folder.join("kassa.db")),
        };
        let store = Store::open_variant(&location, variant).await?;
        let wanted = ApiSecret::parse(KEY).map_err(anyhow::Error::msg)?;
        let access = sites::first_site(&store, &keys?, &random, Some(wanted), Clock::System.now()).await?;
        Ok(Self { store, site: access.site.id, random })
    }

    /// Places orders until there are `count`, named `known-0` and so on.
    pub(super) async fn fill(&self, count: u64) -> anyhow::Result<()> {
        let next = AtomicU64::new(0);
        let fillers = (0..AT_ONCE.min(count)).map(|_| async {
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= count {
                    return anyhow::Ok(());
                }
                self.place(&format!("known-{at}")).await?;
            }
        });
        try_join_all(fillers).await.map(|_| ())
    }

    /// How many orders per second the store alone takes, from so many at once.
    pub(super) async fn rate(&self, name: &str, at_once: usize, long: Duration) -> anyhow::Result<u64> {
        let (started, done) = (Instant::now(), AtomicU64::new(0));
        let placers = (0..at_once).map(|placer| {
            let done = &done;
            async move {
                let mut at = 0_u64;
                while started.elapsed() < long {
                    self.place(&format!("{name}-{placer}-{at}")).await?;
                    at = at.wrapping_add(1);
                    done.fetch_add(1, Ordering::Relaxed);
                }
                anyhow::Ok(())
            }
        });
        try_join_all(placers).await?;
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
        Ok(done.load(Ordering::Relaxed).saturating_mul(1_000) / millis)
    }

    async fn place(&self, id: &str) -> anyhow::Result<()> {
        let now = Clock::System.now();
        let id = OrderId::parse(id).context("an order id")?;
        let currency = Currency::parse("EUR").context("a currency")?;
        let new = NewOrder {
            site: self.site,
            id: id.clone(),
            terms: Terms {
                gateway: Some(Gateway::Brand(Brand::Maestro)),
                amount: Amount::new(1_000, currency),
                description: "Order of a webshop".to_owned(),
                capturing: Capturing::Immediate,
                recurring: None,
                details: DETAILS.to_owned(),
            },
            lifetime: Millis::days(30),
            session: self.draw_session(),
            digest: [0; 32],
        };
        let Ok(Placing::Opened(changes)) = place(None, new, now) else {
            anyhow::bail!("an order could not be placed");
        };
        let committed = self.store.commit_answering(self.site, &id, None, &changes, None, now).await;
        ensure!(committed.is_ok(), "placing order {id}: {committed:?}");
        Ok(())
    }

    fn draw_session(&self) -> SessionId {
        loop {
            let mut random = [0; SESSION_RANDOM * 2];
            self.random.fill(&mut random);
            if let Some(id) = SessionId::draw(self.site, Clock::System.now(), &random) {
                return id;
            }
        }
    }
}
