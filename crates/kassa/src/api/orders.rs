//! `/v1/json/orders`: placing and reading orders.

use super::auth::Caller;
use super::body::object;
use super::create_order::{self, Rules, Written};
use super::error::{self, Error};
use super::idempotency::{Answer, Asked};
use super::operation::{Operation, Tag};
use super::refusal::refused;
use super::waiting::{Wait, with_version};
use super::{direct, order_view, schema, update_order, waiting};
use crate::app::App;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use payments::ids::{OrderId, TransactionId};
use payments::order::Order;
use schemars::JsonSchema;
use serde::Serialize;

/// The operations of this resource.
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::post("/v1/json/orders", "createOrder", create)
            .doc(
                Tag::Orders,
                "Place an order",
                "Answers where the customer pays. The same request again answers the same link, as long as it can \
                 be paid; another one with the same `order_id` replaces the order, unless it is paid. With `type: \
                 direct` the shop sends the card, or the token of one, and is answered the whole order as it stands \
                 then. On a live site every URL has to be https.",
            )
            .body("CreateOrder", create_order::schema::body, create_order::schema::example)
            .answers::<Placed<'static>>("The order, and where to send its customer.")
            .versioned()
            .refuses(400, create_order::schema::CODES)
            .refuses(404, &[error::GATEWAY])
            .refuses(409, &[error::ORDER_ID])
            .refuses(410, &[error::UNKNOWN])
            .link("getOrder", "id", "/order_id")
            .link("updateOrder", "id", "/order_id"),
        Operation::get("/v1/json/orders/{id}", "getOrder", read)
            .doc(Tag::Orders, "Read an order", "")
            .path("id", schema::any_text, "my-order-id-1", ID)
            .query("wait_version", waiting::version_schema, "1", "Wait until the order has this version.")
            .query("timeout", waiting::seconds_schema, "0", "How many seconds to wait at most; 30 unless told.")
            .refuses(400, &[error::MISSING_DATA])
            .answers::<order_view::View<'static>>("The order as it is now.")
            .versioned()
            .refuses(404, &[error::UNKNOWN, error::ORDER_ID]),
        update_order::operation(),
    ]
}

/// What `POST /orders` answers.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(rename = "PlacedOrder")]
pub(super) enum Placed<'a> {
    /// To `redirect` and `paymentlink`.
    Link(order_view::Created),
    /// To `direct`.
    Direct(Box<direct::Paid<'a>>),
}

/// What stands for `{id}` in the path of an order.
pub(super) const ID: &str = "The shop's `order_id`, or the `transaction_id` of one of its payments.";

/// `POST /orders`: a payment link for an order.
async fn create(State(app): State<App>, caller: Caller, asked: Asked) -> Result<Answer, Error> {
    let body = object(&asked.bytes)?;
    let rules = Rules::of(&caller.site, &app.settings.ranges);
    let request = create_order::parse(&body, &Written::of(&asked.bytes), &rules)?;
    // A live site needs an acquirer of its own; the simulator never serves one.
    let has_gateway = request.gateway.is_none_or(|gateway| caller.site.gateways.contains(&gateway));
    if !app.acquirer.serves(&caller.site) || !has_gateway {
        return Err(Error::unknown_gateway());
    }
    let currency = request.amount.currency;
    let is_offered = request.gateway.is_none_or(|gateway| caller.site.offers(gateway, currency));
    if !is_offered || !app.acquirer.collects(&caller.site, currency) {
        return Err(Error::invalid(error::CURRENCY, "currency", "is not collected through this gateway"));
    }
    let digest = create_order::digest(&body, &app.keys);
    if let Some(card) = direct::card(&app, &caller.site, &request).await? {
        // Boxed: what it takes to charge a card is no part of placing an order.
        return Box::pin(direct::pay(&app, &caller.site, &request, digest, card, &asked)).await;
    }
    let url = &app.settings.public_url;
    let show =
        |order: &Order| Ok(serde_json::to_value(Placed::Link(order_view::render_created(order, url)?))?);
    let placed = app.place(caller.site.id, &request, digest, asked.answering(&show)).await;
    placed.map_err(|error| refused(error, &request.order_id))
}

/// `GET /orders/{id}`: the whole order, by the shop's reference or by a PSP id.
async fn read(State(app): State<App>, caller: Caller, id: OrderPath, wait: Wait) -> Result<Response, Error> {
    let order = find(&app, &caller, id).await?;
    let order = wait.until_reached(&app, order).await?;
    let zone = caller.site.zone().map_err(|error| Error::internal(&error))?;
    let view = order_view::render(&order, &zone).map_err(|error| Error::internal(&error))?;
    Ok(with_version(error::success(&view), order.version))
}

/// The id in the path, percent-decoded; one that cannot be decoded belongs to no order.
pub(super) type OrderPath = Result<Path<String>, PathRejection>;

/// The caller's order, by the shop's reference or by a PSP id.
pub(super) async fn find(app: &App, caller: &Caller, id: OrderPath) -> Result<Order, Error> {
    let Ok(Path(id)) = id else {
        return Err(Error::unknown_order());
    };
    let site = caller.site.id;
    let failed = |error: crate::store::db::ReadError| Error::internal(&error);
    let Some(order_id) = OrderId::parse(&id) else {
        return Err(Error::unknown_order());
    };
    if let Some(order) = app.store.load(site, &order_id).await.map_err(failed)? {
        return Ok(order);
    }
    // As it is printed: `+1` and `01` are nobody's PSP id.
    let Some(psp_id) = id.parse().ok().map(TransactionId).filter(|psp_id| psp_id.to_string() == id) else {
        return Err(Error::unknown_order());
    };
    let found = app.store.find_by_transaction(site, psp_id).await.map_err(failed)?;
    let Some(order_id) = found else {
        return Err(Error::unknown_order());
    };
    app.store.load(site, &order_id).await.map_err(failed)?.ok_or_else(Error::unknown_order)
}
