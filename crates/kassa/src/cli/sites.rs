//! `kassa sites`: who may use the gateway.

use super::open::{First, Opened, open_store};
use super::{CreateSite, RotateKey, SitesCommand, WebhookSecret};
use crate::clock::Clock;
use crate::config::StoreFlags;
use crate::keys::ApiSecret;
use crate::notify::webhook;
use crate::sites::{add_key, create_site};
use crate::store::NewSite;
use anyhow::Context as _;
use payments::ids::SiteId;
use std::io::Write as _;

pub(super) async fn run(command: SitesCommand) -> anyhow::Result<u8> {
    match command {
        SitesCommand::List(store) => list(store).await,
        SitesCommand::Create(create) => add(create).await,
        SitesCommand::RotateKey(rotate) => rotate_key(rotate).await,
        SitesCommand::WebhookSecret(secret) => webhook_secret(secret).await,
    }
}

async fn list(flags: StoreFlags) -> anyhow::Result<u8> {
    let Opened { store, .. } = open_store(flags, First::Refuse).await?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{:>6}  {:<5}  NAME", "ID", "KIND")?;
    for site in store.sites().await? {
        let kind = if site.live { "live" } else { "test" };
        writeln!(out, "{:>6}  {kind:<5}  {}", site.id, site.name)?;
    }
    Ok(0)
}

async fn add(create: CreateSite) -> anyhow::Result<u8> {
    let Opened { keys, random, store, .. } = open_store(create.store, First::Create).await?;
    let new = NewSite { name: create.name, live: create.live, own_amex: create.own_amex };
    let access = create_site(&store, &keys, &new, ApiSecret::draw(&random), Clock::System.now()).await?;
    print_key(&access.site.name, access.site.id, &access.key)
}

async fn rotate_key(rotate: RotateKey) -> anyhow::Result<u8> {
    let Opened { keys, random, store, .. } = open_store(rotate.store, First::Refuse).await?;
    let id = SiteId(rotate.site_id);
    let site = store.site(id).await?.with_context(|| format!("there is no site {id}"))?;
    let key = add_key(&store, &keys, id, ApiSecret::draw(&random), true, Clock::System.now()).await?;
    print_key(&site.name, id, &key)
}

async fn webhook_secret(asked: WebhookSecret) -> anyhow::Result<u8> {
    let Opened { keys, random, store, .. } = open_store(asked.store, First::Refuse).await?;
    let (id, now) = (SiteId(asked.site_id), Clock::System.now());
    let site = store.site(id).await?.with_context(|| format!("there is no site {id}"))?;
    let secret = if asked.rotate {
        webhook::rotate(&store, &keys, &random, id, now).await?
    } else {
        let secrets = webhook::secrets(&store, &keys, &random, id, now).await?;
        secrets.into_iter().next().context("the site has no webhook secret")?
    };
    writeln!(std::io::stdout(), "Site {id}: {}\nWebhook secret: {}", site.name, *secret.expose())?;
    Ok(0)
}

fn print_key(name: &str, id: SiteId, key: &ApiSecret) -> anyhow::Result<u8> {
    writeln!(std::io::stdout(), "Site {id}: {name}\nAPI key: {}", key.expose())?;
    Ok(0)
}
