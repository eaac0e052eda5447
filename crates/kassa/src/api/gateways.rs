//! `/v1/json/gateways` and `/v1/json/payment-methods`: what a site can be paid with, for settings pages and
//! checkouts. Gateway ids are not case sensitive.

use super::auth::Caller;
use super::error::{self, Error};
use crate::app::App;
use crate::pages::assets;
use crate::store::Site;
use axum::Router;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use payments::card::{Brand, Gateway};
use payments::money::Currency;
use serde::Deserialize;
use serde_json::{Value, json};

/// The routes of these resources.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/v1/json/gateways", get(list))
        .route("/v1/json/gateways/{id}", get(read))
        .route("/v1/json/payment-methods", get(list_methods))
        .route("/v1/json/payment-methods/{id}", get(read_method))
}

/// What narrows the lists; other parameters are ignored.
#[derive(Debug, Default, Deserialize)]
struct Wanted {
    /// Only what is collected in this currency.
    #[serde(default)]
    currency: String,
    /// `1`: one entry for all cards instead of one per brand.
    #[serde(default)]
    group_cards: String,
}

type WantedQuery = Result<Query<Wanted>, QueryRejection>;
type Id = Result<Path<String>, PathRejection>;

/// `GET /gateways`.
async fn list(caller: Caller, wanted: WantedQuery) -> Response {
    let gateways = offered(&caller.site, &read_query(wanted));
    error::success(&gateways.into_iter().map(gateway_view).collect())
}

/// `GET /gateways/{id}`.
async fn read(caller: Caller, id: Id) -> Result<Response, Error> {
    Ok(error::success(&gateway_view(find(&caller.site, id)?)))
}

/// `GET /payment-methods`.
async fn list_methods(State(app): State<App>, caller: Caller, wanted: WantedQuery) -> Response {
    let wanted = read_query(wanted);
    let grouped = matches!(wanted.group_cards.as_str(), "1" | "true");
    let methods = offered(&caller.site, &wanted);
    let shown = methods.into_iter().filter(|gateway| (*gateway == Gateway::AnyCard) == grouped);
    error::success(&shown.map(|gateway| method_view(&app, &caller.site, gateway)).collect())
}

/// `GET /payment-methods/{id}`.
async fn read_method(State(app): State<App>, caller: Caller, id: Id) -> Result<Response, Error> {
    let gateway = find(&caller.site, id)?;
    Ok(error::success(&method_view(&app, &caller.site, gateway)))
}

fn read_query(wanted: WantedQuery) -> Wanted {
    wanted.map(|Query(wanted)| wanted).unwrap_or_default()
}

fn offered(site: &Site, wanted: &Wanted) -> Vec<Gateway> {
    // An unknown currency narrows nothing, like every other parameter that is not understood.
    let currency = Currency::parse(&wanted.currency);
    let fits = |gateway: &&Gateway| currency.is_none_or(|currency| site.offers(**gateway, currency));
    site.gateways.iter().filter(fits).copied().collect()
}

fn find(site: &Site, id: Id) -> Result<Gateway, Error> {
    let Ok(Path(id)) = id else { return Err(Error::unknown_gateway()) };
    let known = Gateway::parse(&id).filter(|gateway| site.gateways.contains(gateway));
    known.ok_or_else(Error::unknown_gateway)
}

fn name(gateway: Gateway) -> &'static str {
    match gateway {
        Gateway::AnyCard => "Card payment",
        Gateway::Brand(brand) => brand.name(),
    }
}

fn gateway_view(gateway: Gateway) -> Value {
    json!({ "id": gateway.id(), "description": name(gateway) })
}

/// Every key that the official SDKs insist on, of the type they insist on.
fn method_view(app: &App, site: &Site, gateway: Gateway) -> Value {
    let currencies = Currency::all().filter(|currency| site.offers(gateway, *currency));
    let currencies: Vec<&str> = currencies.map(Currency::code).collect();
    let brands: Vec<Value> = match gateway {
        Gateway::Brand(_) => Vec::new(),
        Gateway::AnyCard => {
            let enabled = |brand: &Brand| site.gateways.contains(&Gateway::Brand(*brand));
            Brand::ALL.into_iter().filter(enabled).map(|brand| brand_view(app, brand)).collect()
        }
    };
    json!({
        "additional_data": {},
        "allowed_amount": { "max": null, "min": 0 },
        "allowed_countries": [],
        "allowed_currencies": currencies,
        "apps": {
            "fastcheckout": { "is_enabled": false },
            "payment_components": {
                "has_fields": false, "is_enabled": false, "qr": { "supported": false },
            },
        },
        "brands": brands,
        "icon_urls": icon(app, gateway),
        "id": gateway.id(),
        "is_wallet": false,
        "name": name(gateway),
        "preferred_countries": [],
        "required_customer_data": [],
        "shopping_cart_required": false,
        "tokenization": { "is_enabled": false, "models": null },
        "type": "payment-method",
    })
}

fn brand_view(app: &App, brand: Brand) -> Value {
    json!({
        "allowed_countries": [],
        "icon_urls": icon(app, Gateway::Brand(brand)),
        "id": brand.id(),
        "name": brand.name(),
    })
}

/// The marks are vectors, so one file serves every size.
fn icon(app: &App, gateway: Gateway) -> Value {
    let file = match gateway {
        Gateway::AnyCard => "icon.svg",
        Gateway::Brand(Brand::Amex) => "amex.svg",
        Gateway::Brand(Brand::Maestro) => "maestro.svg",
        Gateway::Brand(Brand::Mastercard) => "mastercard.svg",
        Gateway::Brand(Brand::Visa) => "visa.svg",
    };
    let url = format!("{}{}", app.settings.public_url, assets::path(file));
    json!({ "large": url, "medium": url, "vector": url })
}
