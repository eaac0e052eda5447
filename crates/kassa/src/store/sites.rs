//! Sites and their API keys.

use super::Store;
use super::db::{Columns, Corrupt, ReadError, Statement, Write, WriteError, statement};
use crate::keys::KEYS_MAX;
use anyhow::Context as _;
use payments::card::{Brand, Gateway};
use payments::ids::SiteId;
use payments::money::Currency;
use payments::notify::Profile;
use payments::time::Timestamp;
use std::sync::Arc;

/// A webshop.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) id: SiteId,
    pub(crate) account_id: i64,
    pub(crate) name: String,
    /// Real money, a real acquirer; otherwise the simulator answers.
    pub(crate) live: bool,
    /// IANA zone of printed times.
    pub(crate) zone: String,
    /// What the site may use.
    pub(crate) gateways: Vec<Gateway>,
    pub(crate) notification_url: Option<String>,
    /// `POST` or `GET`.
    pub(crate) notification_method: String,
    pub(crate) profile: Profile,
    /// American Express settles with the merchant directly.
    pub(crate) own_amex: bool,
}

impl Site {
    /// Whether the site may be paid through `gateway` in `currency`.
    pub(crate) fn offers(&self, gateway: Gateway, currency: Currency) -> bool {
        let collected = match gateway {
            Gateway::AnyCard => true,
            Gateway::Brand(Brand::Amex) if self.own_amex => true,
            Gateway::Brand(brand) => brand.is_collected_in(currency),
        };
        collected && self.gateways.contains(&gateway)
    }

    /// Whether the shop may send card numbers itself: on a test site there is nothing to protect. A live one would
    /// have to be certified for it.
    pub(crate) fn may_send_cards(&self) -> bool {
        !self.live
    }

    /// The brands that pay an order in `currency`, whatever it was placed for.
    pub(crate) fn brands(&self, currency: Currency) -> Vec<Brand> {
        Brand::ALL.into_iter().filter(|brand| self.offers(Gateway::Brand(*brand), currency)).collect()
    }

    /// The zone in which the site's times are printed.
    pub(crate) fn zone(&self) -> anyhow::Result<jiff::tz::TimeZone> {
        jiff::tz::TimeZone::get(&self.zone).with_context(|| format!("site {}: time zone", self.id))
    }
}

/// What a new site is made of.
#[derive(Clone, Debug)]
pub(crate) struct NewSite {
    pub(crate) name: String,
    pub(crate) live: bool,
    pub(crate) own_amex: bool,
}

/// A key as it is kept: nobody can use it without the key-encryption key.
#[derive(Clone, Debug)]
pub(crate) struct ApiKey {
    pub(crate) site: SiteId,
    pub(crate) id: i64,
    pub(crate) sealed: Vec<u8>,
    pub(crate) created_at: Timestamp,
    pub(crate) last_used_at: Option<Timestamp>,
}

const KEY_COLUMNS: &str = "site_id, id, sealed, created_at, last_used_at";

impl Store {
    /// Every site, oldest first.
    pub(crate) async fn sites(&self) -> Result<Vec<Site>, ReadError> {
        let sql = "SELECT id, account_id, name, live_since, zone, gateways, notification_url, \
                   notification_method, notification_profile, own_amex_since FROM site ORDER BY id";
        let rows = self.db.read(statement(sql, [])).await?;
        rows.into_iter().map(|row| Ok(parse_site(&mut row.columns())?)).collect()
    }

    /// One site, as it was a moment ago; see [`super::known_sites::KNOWN_FOR`].
    pub(crate) async fn site(&self, id: SiteId) -> Result<Option<Arc<Site>>, ReadError> {
        if let Some(known) = self.known_sites.get(id) {
            return Ok(Some(known));
        }
        let sql = "SELECT id, account_id, name, live_since, zone, gateways, notification_url, \
                   notification_method, notification_profile, own_amex_since FROM site WHERE id = $1";
        let rows = self.db.read(statement(sql, [id.0.into()])).await?;
        let site = rows.into_iter().next().map(|row| parse_site(&mut row.columns())).transpose()?;
        Ok(site.map(|site| self.known_sites.keep(site)))
    }

    /// Reads every site again: something about them was changed behind the store's back.
    pub(crate) fn forget_sites(&self) {
        self.known_sites.forget();
    }

    /// Creates a site under `id`; [`WriteError::Stale`] when the id is taken.
    pub(crate) async fn create_site(
        &self,
        id: SiteId,
        new: &NewSite,
        now: Timestamp,
    ) -> Result<(), WriteError> {
        let first = statement(
            "INSERT INTO site (id, account_id, name, live_since, zone, gateways, notification_method, \
             notification_profile, own_amex_since, created_at) \
             VALUES ($1, 1, $2, $3, 'Europe/Amsterdam', 'AMEX CREDITCARD MAESTRO MASTERCARD VISA', 'POST', \
             'extended', $4, $5) ON CONFLICT (id) DO NOTHING",
            [
                id.0.into(),
                new.name.as_str().into(),
                new.live.then_some(now.0).into(),
                new.own_amex.then_some(now.0).into(),
                now.0.into(),
            ],
        );
        let write = Write { key: "sites".into(), first, rest: Vec::new(), guarded: true };
        self.db.write(write).await.map(|_| ())
    }

    /// Adds a key under `id`; [`WriteError::Stale`] when the id or the key is taken. With `revoke_others`
    /// every older key of the site stops working in the same commit.
    pub(crate) async fn add_key(
        &self,
        key: &ApiKey,
        digest: Vec<u8>,
        revoke_others: bool,
    ) -> Result<(), WriteError> {
        let site = key.site.0;
        let first = statement(
            "INSERT INTO api_key (site_id, id, digest, sealed, created_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT DO NOTHING",
            [site.into(), key.id.into(), digest.into(), key.sealed.clone().into(), key.created_at.0.into()],
        );
        let revoke = statement(
            "UPDATE api_key SET revoked_at = $1 WHERE site_id = $2 AND id <> $3 AND revoked_at IS NULL",
            [key.created_at.0.into(), site.into(), key.id.into()],
        );
        let rest = if revoke_others { vec![revoke] } else { Vec::new() };
        self.db.write(Write { key: "sites".into(), first, rest, guarded: true }).await.map(|_| ())
    }

    /// The valid key with one of these digests, [`KEYS_MAX`] at most, and its site. They are looked for at once: one
    /// after the other would miss a key whose digest is replaced in between.
    pub(crate) async fn find_key(&self, digests: &[Vec<u8>]) -> Result<Option<(ApiKey, Site)>, ReadError> {
        let digest = |at: usize| digests.get(at).or(digests.first()).cloned().into();
        let query = match digests {
            [one] => statement(
                "SELECT k.site_id, k.id, k.sealed, k.created_at, k.last_used_at, s.id, s.account_id, s.name, \
                 s.live_since, s.zone, s.gateways, s.notification_url, s.notification_method, \
                 s.notification_profile, s.own_amex_since FROM api_key k JOIN site s ON s.id = k.site_id \
                 WHERE k.digest = $1 AND k.revoked_at IS NULL",
                [one.clone().into()],
            ),
            _ => statement(
                "SELECT k.site_id, k.id, k.sealed, k.created_at, k.last_used_at, s.id, s.account_id, s.name, \
                 s.live_since, s.zone, s.gateways, s.notification_url, s.notification_method, \
                 s.notification_profile, s.own_amex_since FROM api_key k JOIN site s ON s.id = k.site_id \
                 WHERE k.digest IN ($1, $2, $3, $4) AND k.revoked_at IS NULL",
                std::array::from_fn::<_, KEYS_MAX, _>(digest),
            ),
        };
        let Some(row) = self.db.read(query).await?.into_iter().next() else {
            return Ok(None);
        };
        let mut columns = row.columns();
        Ok(Some((parse_key(&mut columns)?, parse_site(&mut columns)?)))
    }

    /// A site's valid keys: the one that was used last comes first, then the newest. The first signs.
    pub(crate) async fn valid_keys(&self, site: SiteId) -> Result<Vec<ApiKey>, ReadError> {
        let sql = "SELECT site_id, id, sealed, created_at, last_used_at FROM api_key \
                   WHERE site_id = $1 AND revoked_at IS NULL ORDER BY COALESCE(last_used_at, 0) DESC, id DESC";
        self.keys(statement(sql, [site.0.into()])).await
    }

    /// The number for a site's next key.
    pub(crate) async fn next_key_id(&self, site: SiteId) -> Result<i64, ReadError> {
        let sql = "SELECT COALESCE(MAX(id), 0) + 1 FROM api_key WHERE site_id = $1";
        let rows = self.db.read(statement(sql, [site.0.into()])).await?;
        Ok(rows.into_iter().next().map(|row| row.columns().int()).transpose()?.unwrap_or(1))
    }

    /// Remembers that a key was used.
    pub(crate) async fn touch_key(&self, key: &ApiKey, now: Timestamp) -> Result<(), WriteError> {
        let sql = "UPDATE api_key SET last_used_at = $1 WHERE site_id = $2 AND id = $3";
        let touch = statement(sql, [now.0.into(), key.site.0.into(), key.id.into()]);
        self.db.execute("sites", touch).await.map(|_| ())
    }

    async fn keys(&self, query: Statement) -> Result<Vec<ApiKey>, ReadError> {
        debug_assert!(query.sql.contains(KEY_COLUMNS), "the columns that a key is read from");
        let rows = self.db.read(query).await?;
        rows.into_iter().map(|row| Ok(parse_key(&mut row.columns())?)).collect()
    }
}

fn parse_key(columns: &mut Columns) -> Result<ApiKey, Corrupt> {
    Ok(ApiKey {
        site: SiteId(columns.int()?),
        id: columns.int()?,
        sealed: columns.blob()?,
        created_at: Timestamp(columns.int()?),
        last_used_at: columns.optional_int()?.map(Timestamp),
    })
}

fn parse_site(columns: &mut Columns) -> Result<Site, Corrupt> {
    let id = SiteId(columns.int()?);
    let wrong = |what: &str| Corrupt(format!("site {id}: {what}"));
    let account_id = columns.int()?;
    let name = columns.text()?;
    let live = columns.optional_int()?.is_some();
    let zone = columns.text()?;
    let gateways = columns.text()?;
    let gateways =
        gateways.split_whitespace().map(|word| Gateway::parse(word).ok_or_else(|| wrong("gateways")));
    Ok(Site {
        id,
        account_id,
        name,
        live,
        zone,
        gateways: gateways.collect::<Result<_, _>>()?,
        notification_url: columns.optional_text()?,
        notification_method: columns.text()?,
        profile: Profile::parse(&columns.text()?).ok_or_else(|| wrong("notification profile"))?,
        own_amex: columns.optional_int()?.is_some(),
    })
}
