//! `/v1/json/gateways`, `/v1/json/payment-methods` and `/v1/json/issuers`: what a site can be paid with, for settings
//! pages and checkouts. Gateway ids are not case sensitive. There are no coupons, so asking for them adds nothing.

use super::auth::Caller;
use super::error::{self, Error, Nothing};
use super::operation::{Operation, Tag};
use super::schema::{any_text, gateway_id};
use crate::app::App;
use crate::pages::assets;
use crate::store::Site;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use payments::card::{Brand, Gateway};
use payments::money::Currency;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The operations of these resources.
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/json/gateways", "listGateways", list)
            .doc(Tag::Gateways, "Gateways of the site", "")
            .query("currency", any_text, "EUR", CURRENCY)
            .answers::<Vec<GatewayView>>("What the site can be paid with."),
        Operation::get("/v1/json/gateways/{id}", "getGateway", read)
            .doc(Tag::Gateways, "One gateway", "")
            .path("id", gateway_id, "MAESTRO", ID)
            .answers::<GatewayView>("The gateway.")
            .refuses(404, &[error::UNKNOWN, error::GATEWAY]),
        Operation::get("/v1/json/payment-methods", "listPaymentMethods", list_methods)
            .doc(Tag::Gateways, "Payment methods of the site", "")
            .query("currency", any_text, "EUR", CURRENCY)
            .query("group_cards", any_text, "1", "`1` or `true`: one entry for all cards, not one per brand.")
            .answers::<Vec<Method>>("What a checkout can offer."),
        Operation::get("/v1/json/payment-methods/{id}", "getPaymentMethod", read_method)
            .doc(Tag::Gateways, "One payment method", "")
            .path("id", gateway_id, "MAESTRO", ID)
            .answers::<Method>("The payment method.")
            .refuses(404, &[error::UNKNOWN, error::GATEWAY]),
        Operation::get("/v1/json/issuers/{id}", "listIssuers", list_issuers)
            .doc(
                Tag::Gateways,
                "Issuers of a gateway",
                "A card's issuer is found by its number: there is none to choose.",
            )
            .path("id", gateway_id, "MAESTRO", ID)
            .answers::<[(); 0]>("None.")
            .refuses(404, &[error::UNKNOWN, error::GATEWAY]),
    ]
}

const CURRENCY: &str =
    "Only what is collected in this currency, an ISO 4217 code; an unknown one narrows nothing.";
const ID: &str = "The gateway's id, in any case.";

const NO_ISSUERS: [(); 0] = [];
/// Gateways of the reference whose issuers clients ask for without looking whether a site has the gateway.
const WITH_ISSUERS: [&str; 2] = ["IDEAL", "MYBANK"];

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
    error::success(&gateways.into_iter().map(gateway_view).collect::<Vec<_>>())
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
    error::success(&shown.map(|gateway| method_view(&app, &caller.site, gateway)).collect::<Vec<_>>())
}

/// `GET /payment-methods/{id}`.
async fn read_method(State(app): State<App>, caller: Caller, id: Id) -> Result<Response, Error> {
    let gateway = find(&caller.site, id)?;
    Ok(error::success(&method_view(&app, &caller.site, gateway)))
}

/// `GET /issuers/{gateway}`: the banks to choose from, which cards do not have.
async fn list_issuers(caller: Caller, id: Id) -> Result<Response, Error> {
    let named = |gateway: &&str| id.as_ref().is_ok_and(|Path(id)| id.eq_ignore_ascii_case(gateway));
    if !WITH_ISSUERS.iter().any(named) {
        find(&caller.site, id)?;
    }
    Ok(error::success(&NO_ISSUERS))
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

/// An entry of `gateways`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Gateway")]
struct GatewayView {
    /// What people call it.
    description: &'static str,
    /// What an order's `gateway` is.
    id: &'static str,
}

fn gateway_view(gateway: Gateway) -> GatewayView {
    GatewayView { description: name(gateway), id: gateway.id() }
}

/// An entry of `payment-methods`: every key that the official SDKs insist on, of the type they insist on.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PaymentMethod")]
struct Method {
    additional_data: Nothing,
    allowed_amount: Allowed,
    /// Empty: every country.
    allowed_countries: [(); 0],
    /// ISO 4217 codes.
    allowed_currencies: Vec<&'static str>,
    apps: Apps,
    /// The brands behind one entry for all cards.
    brands: Vec<BrandView>,
    icon_urls: Icons,
    id: &'static str,
    is_wallet: bool,
    manual_capture: ManualCapture,
    name: &'static str,
    preferred_countries: [(); 0],
    required_customer_data: [(); 0],
    shopping_cart_required: bool,
    tokenization: Tokenization,
    #[serde(rename = "type")]
    #[schemars(extend("const" = "payment-method"))]
    kind: &'static str,
}

/// In minor units; without an upper limit.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AllowedAmount")]
struct Allowed {
    max: (),
    min: i64,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PaymentMethodApps")]
struct Apps {
    fastcheckout: FastCheckout,
    payment_components: PaymentComponents,
}

#[derive(Serialize, JsonSchema)]
struct FastCheckout {
    is_enabled: bool,
}

#[derive(Serialize, JsonSchema)]
struct PaymentComponents {
    has_fields: bool,
    is_enabled: bool,
    qr: Qr,
}

#[derive(Serialize, JsonSchema)]
struct Qr {
    supported: bool,
}

#[derive(Serialize, JsonSchema)]
struct Tokenization {
    is_enabled: bool,
    models: Models,
}

/// What a card may be kept for.
#[derive(Serialize, JsonSchema)]
struct Models {
    cardonfile: bool,
    subscription: bool,
    unscheduled: bool,
}

/// Whether the shop may capture later.
#[derive(Serialize, JsonSchema)]
struct ManualCapture {
    is_enabled: bool,
    supported: bool,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Brand")]
struct BrandView {
    allowed_countries: [(); 0],
    icon_urls: Icons,
    id: &'static str,
    name: &'static str,
}

/// The marks are vectors, so one file serves every size.
#[derive(Serialize, JsonSchema)]
struct Icons {
    large: String,
    medium: String,
    vector: String,
}

fn method_view(app: &App, site: &Site, gateway: Gateway) -> Method {
    let currencies = Currency::all().filter(|currency| site.offers(gateway, *currency));
    let brands = match gateway {
        Gateway::Brand(_) => Vec::new(),
        Gateway::AnyCard => {
            let enabled = |brand: &Brand| site.gateways.contains(&Gateway::Brand(*brand));
            Brand::ALL.into_iter().filter(enabled).map(|brand| brand_view(app, brand)).collect()
        }
    };
    // As the reference has it: American Express collects at once.
    let captures = gateway != Gateway::Brand(Brand::Amex);
    Method {
        additional_data: Nothing {},
        allowed_amount: Allowed { max: (), min: 0 },
        allowed_countries: [],
        allowed_currencies: currencies.map(Currency::code).collect(),
        apps: Apps {
            fastcheckout: FastCheckout { is_enabled: false },
            payment_components: PaymentComponents {
                has_fields: false,
                is_enabled: false,
                qr: Qr { supported: false },
            },
        },
        brands,
        icon_urls: icon(app, gateway),
        id: gateway.id(),
        is_wallet: false,
        manual_capture: ManualCapture { is_enabled: captures, supported: captures },
        name: name(gateway),
        preferred_countries: [],
        required_customer_data: [],
        shopping_cart_required: false,
        tokenization: Tokenization {
            is_enabled: true,
            models: Models { cardonfile: true, subscription: true, unscheduled: true },
        },
        kind: "payment-method",
    }
}

fn brand_view(app: &App, brand: Brand) -> BrandView {
    BrandView {
        allowed_countries: [],
        icon_urls: icon(app, Gateway::Brand(brand)),
        id: brand.id(),
        name: brand.name(),
    }
}

fn icon(app: &App, gateway: Gateway) -> Icons {
    let file = match gateway {
        Gateway::AnyCard => "icon.svg",
        Gateway::Brand(Brand::Amex) => "amex.svg",
        Gateway::Brand(Brand::Maestro) => "maestro.svg",
        Gateway::Brand(Brand::Mastercard) => "mastercard.svg",
        Gateway::Brand(Brand::Visa) => "visa.svg",
    };
    let url = format!("{}{}", app.settings.public_url, assets::path(file));
    Icons { large: url.clone(), medium: url.clone(), vector: url }
}
