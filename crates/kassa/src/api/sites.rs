//! `/v1/json/sites/{id}`: what a site says about itself. A key knows its own site only.

use super::auth::Caller;
use super::body::object;
use super::create_order::fields::Fields;
use super::create_order::{self, Rules, payment_options};
use super::error::{self, Error, MISSING_DATA};
use super::idempotency::{Answer, Asked};
use super::operation::{Operation, Tag};
use super::schema;
use crate::app::App;
use crate::store::db::WriteError;
use crate::store::{About, Site, SiteField};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The longest name, in characters.
const NAME_MAX: usize = 120;
/// The longest email address and telephone number, in characters.
const CONTACT_MAX: usize = 100;

/// The operations of this resource.
pub(super) fn operations() -> Vec<Operation> {
    const ID: &str = "The site's id: a key knows its own site only.";
    vec![
        Operation::get("/v1/json/sites/{id}", "getSite", read)
            .doc(Tag::Account, "What a site says about itself", "")
            .path("id", schema::any_text, "1", ID)
            .answers::<SiteView>("The site.")
            .refuses(404, &[error::UNKNOWN]),
        Operation::patch("/v1/json/sites/{id}", "updateSite", update)
            .doc(
                Tag::Account,
                "Change what a site says about itself",
                "What is not in the body stays as it is.",
            )
            .path("id", schema::any_text, "1", ID)
            .body("UpdateSite", update_schema, || json!({ "support_email": "help@shop.example" }))
            .answers::<SiteView>("The site as it is now.")
            .refuses(404, &[error::UNKNOWN]),
    ]
}

fn update_schema() -> Value {
    let name = json!({ "anyOf": [schema::filled_text(NAME_MAX), { "type": "null" }] });
    let nothing = json!({ "enum": ["", null] });
    let mut fields = vec![
        schema::field("name", "What customers read on the page.", name),
        schema::field("url", "Where the shop is.", create_order::schema::url()),
        schema::field(
            "notification_url",
            "Where orders without one of their own are told.",
            create_order::schema::url(),
        ),
        schema::field(
            "support_email",
            "Where customers can write; `\"\"` for nowhere.",
            schema::email(CONTACT_MAX),
        ),
        schema::field("support_phone", "Where customers can call.", schema::text_within(CONTACT_MAX)),
    ];
    fields.extend(PRICES.map(|key| schema::field(key, "Not offered.", nothing.clone())));
    schema::object(fields)
}

/// What the reference keeps of a site and this gateway does not.
const PRICES: [&str; 2] = ["price_from", "price_till"];

/// A site as it is shown.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Site")]
struct SiteView {
    account_id: i64,
    id: i64,
    name: String,
    notification_url: Option<String>,
    support_email: Option<String>,
    support_phone: Option<String>,
    url: Option<String>,
}

type Id = Result<Path<String>, PathRejection>;

/// `GET /sites/{id}`. The site's key is not in it: whoever asks has it.
async fn read(State(app): State<App>, caller: Caller, id: Id) -> Result<Response, Error> {
    let about = find(&app, &caller, id).await?;
    Ok(error::success(&SiteView::of(&caller.site, &about)))
}

/// `PATCH /sites/{id}`: what is in the body changes, `""` empties it, and the rest stays as it is.
async fn update(State(app): State<App>, caller: Caller, id: Id, asked: Asked) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    let mut about = find(&app, &caller, id).await?;
    let Value::Object(body) = &body else {
        return Err(Error::invalid(MISSING_DATA, "request body", "must be a JSON object"));
    };
    let changes = changes(body, &Rules::of(&caller.site, &app.settings.ranges))?;
    changes.iter().for_each(|(field, text)| about.set(*field, text.clone()));
    let shown = serde_json::to_value(SiteView::of(&caller.site, &about));
    let shown = shown.map_err(|error| Error::internal(&error))?;
    let (answer, kept) = asked.answer(&shown, None, app.now());
    let changed = app.store.change_site(caller.site.id, changes, kept).await;
    app.callers.forget();
    match changed {
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

fn changes(body: &Map<String, Value>, rules: &Rules<'_>) -> Result<Vec<(SiteField, Option<String>)>, Error> {
    let fields = Fields::top(body);
    for key in PRICES {
        if fields.filled(key).is_some() {
            return Err(fields.fault(key, MISSING_DATA, "is not offered"));
        }
    }
    let text = |key, max| {
        let text = fields.text_within(key, MISSING_DATA, max)?;
        Ok::<_, Error>(text.map(|text| text.trim().to_owned()))
    };
    let url = |key| payment_options::url(&fields, key, rules);
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

impl SiteView {
    fn of(site: &Site, about: &About) -> Self {
        let about = about.clone();
        Self {
            account_id: site.account_id,
            id: site.id.0,
            name: about.name,
            notification_url: about.notification_url,
            support_email: about.support_email,
            support_phone: about.support_phone,
            url: about.url,
        }
    }
}
