//! `/v1/json/sites/{id}`: what a site says about itself. A key knows its own site only.

use super::auth::Caller;
use super::body::object;
use super::create_order::fields::Fields;
use super::create_order::{Rules, payment_options};
use super::error::{self, Error, MISSING_DATA};
use super::idempotency::{Answer, Asked};
use crate::app::App;
use crate::store::db::WriteError;
use crate::store::{About, Site, SiteField};
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use serde_json::{Map, Value, json};

/// The longest name, in characters.
const NAME_MAX: usize = 120;
/// The longest email address and telephone number, in characters.
const CONTACT_MAX: usize = 100;

/// The routes of this resource.
pub(super) fn router() -> Router<App> {
    Router::new().route("/v1/json/sites/{id}", get(read).patch(update))
}

type Id = Result<Path<String>, PathRejection>;

/// `GET /sites/{id}`. The site's key is not in it: whoever asks has it.
async fn read(State(app): State<App>, caller: Caller, id: Id) -> Result<Response, Error> {
    let about = find(&app, &caller, id).await?;
    Ok(error::success(&view(&caller.site, &about)))
}

/// `PATCH /sites/{id}`: what is in the body changes, `""` empties it, and the rest stays as it is.
async fn update(State(app): State<App>, caller: Caller, id: Id, asked: Asked) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    let mut about = find(&app, &caller, id).await?;
    let Value::Object(body) = &body else {
        return Err(Error::invalid(MISSING_DATA, "request body", "must be a JSON object"));
    };
    let changes = changes(body, &caller.site)?;
    changes.iter().for_each(|(field, text)| about.set(*field, text.clone()));
    let (answer, kept) = asked.answer(&view(&caller.site, &about), None, app.now());
    match app.store.change_site(caller.site.id, changes, kept).await {
        Ok(()) => Ok(answer),
        // Another node was faster with the same request.
        Err(error @ WriteError::Stale) => {
            asked.answered_before(&app).await?.ok_or_else(|| Error::internal(&error))
        }
        Err(error) => Err(Error::internal(&error)),
    }
}

async fn find(app: &App, caller: &Caller, id: Id) -> Result<About, Error> {
    let own = caller.site.id.to_string();
    match id {
        Ok(Path(id)) if id == own => {}
        _ => return Err(Error::not_found()),
    }
    let about = app.store.about_site(caller.site.id).await.map_err(|error| Error::internal(&error))?;
    about.ok_or_else(Error::not_found)
}

fn changes(body: &Map<String, Value>, site: &Site) -> Result<Vec<(SiteField, Option<String>)>, Error> {
    let fields = Fields::top(body);
    for key in ["price_from", "price_till"] {
        if fields.filled(key).is_some() {
            return Err(fields.fault(key, MISSING_DATA, "is not offered"));
        }
    }
    let rules = Rules { live: site.live, may_send_cards: site.may_send_cards() };
    let text = |key, max| {
        let text = fields.text_within(key, MISSING_DATA, max)?;
        Ok::<_, Error>(text.map(|text| text.trim().to_owned()))
    };
    let url = |key| payment_options::url(&fields, key, &rules);
    let mut changes = Vec::new();
    for (key, field) in [
        ("name", SiteField::Name),
        ("url", SiteField::Url),
        ("notification_url", SiteField::NotificationUrl),
        ("support_email", SiteField::SupportEmail),
        ("support_phone", SiteField::SupportPhone),
    ] {
        // What is null was not meant: some clients write every field that they know.
        if fields.get(key).is_none() {
            continue;
        }
        let new = match field {
            SiteField::Name => text(key, NAME_MAX)?,
            SiteField::Url | SiteField::NotificationUrl => url(key)?,
            SiteField::SupportEmail | SiteField::SupportPhone => text(key, CONTACT_MAX)?,
        };
        let new = new.filter(|text| !text.is_empty());
        if field == SiteField::Name && new.is_none() {
            return Err(fields.fault(key, MISSING_DATA, "must not be empty"));
        }
        if field == SiteField::SupportEmail && new.as_ref().is_some_and(|email| !email.contains('@')) {
            return Err(fields.fault(key, MISSING_DATA, "must contain an @"));
        }
        changes.push((field, new));
    }
    Ok(changes)
}

fn view(site: &Site, about: &About) -> Value {
    json!({
        "account_id": site.account_id,
        "id": site.id.0,
        "name": about.name,
        "notification_url": about.notification_url,
        "support_email": about.support_email,
        "support_phone": about.support_phone,
        "url": about.url,
    })
}
