//! All routes, and what surrounds each of them: a span without secrets, limits, and an answer whatever happens.

use crate::admission::Busy;
use crate::api::body::{BODY_MAX, FILE_MAX};
use crate::api::disputes::FILES;
use crate::api::error::Error;
use crate::api::operation::{self, Answer, Content, Operation, Tag};
use crate::app::App;
use crate::pages::visit::{self, WordsQuery};
use crate::{api, logging, metrics, pages, simulator, threeds};
use axum::Router;
use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::FutureExt as _;
use http_body_util::Limited;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};
use tower::ServiceExt as _;
use tracing::{Instrument as _, Span};

/// How long the database may take to say that it is there.
const READY_WITHIN: Duration = Duration::from_secs(2);

/// What a person sees who opens the gateway's own address.
const WELCOME: &str = "Kassa is running.\n\n\
    Shops place orders with POST /v1/json/orders and send their customers to the payment_url it answers.\n";

impl App {
    /// Everything the gateway answers.
    pub fn router(&self) -> Router {
        let roles = self.settings.roles;
        let mut routes = if roles.api { api::router() } else { operation::router(operations()) };
        if roles.api || roles.pages {
            routes = routes.route("/", get(async || WELCOME)).merge(pages::assets_router());
        }
        if roles.pages {
            routes = routes.merge(pages::router()).merge(simulator::router(self)).merge(threeds::router());
        }
        let routes = routes
            .fallback(nothing)
            .method_not_allowed_fallback(async || Error::method_not_allowed())
            // Every body is limited below, each by its own measure.
            .layer(DefaultBodyLimit::disable())
            .layer(middleware::from_fn_with_state(self.clone(), surround))
            .with_state(self.clone());
        // Around all of it, because a layer of a router sees a request when its route is found already.
        Router::new().fallback_service(routes.map_request(api::as_meant))
    }
}

/// What those ask who keep the gateway running.
pub(crate) fn operations() -> Vec<Operation> {
    let text = |status, about| Answer { status, about, content: Content::Text("text/plain; charset=utf-8") };
    vec![
        Operation::get("/health/live", "isAlive", async || "ok\n")
            .doc(Tag::Service, "Whether the process answers", "")
            .open()
            .answer(text(200, "It does.")),
        Operation::get("/health/ready", "isReady", ready)
            .doc(Tag::Service, "Whether it can do its work", "")
            .open()
            .answer(text(200, "The database answers."))
            .answer(text(503, "The database does not answer, or the process is about to stop.")),
    ]
}

async fn ready(State(app): State<App>) -> Response {
    let not_ready = |why| (StatusCode::SERVICE_UNAVAILABLE, why).into_response();
    if app.node.is_draining() {
        return not_ready("about to stop\n");
    }
    match tokio::time::timeout(READY_WITHIN, app.store.is_ready()).await {
        Ok(true) => "ok\n".into_response(),
        Ok(false) | Err(_) => not_ready("the database does not answer\n"),
    }
}

/// No such route: people are told on a page, programs in the envelope.
async fn nothing(uri: Uri, words: WordsQuery) -> Response {
    if pages::are_at(uri.path()) {
        return visit::not_found(words).await;
    }
    Error::not_found().into_response()
}

/// One span per request, named by the route and not by the address: that may hold a session or a key. A panic
/// becomes a 500 like every other fault of ours.
async fn surround(State(app): State<App>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("unmatched", MatchedPath::as_str);
    let method = request.method().clone();
    let span = tracing::info_span!(
        "request",
        %method,
        route,
        order.id = tracing::field::Empty,
        transaction.id = tracing::field::Empty
    );
    logging::continue_trace(&span, request.headers());
    let answer = async {
        let started = Instant::now();
        let uri = request.uri().clone();
        let (worked, whole) = work(&app, route, request, next).await;
        let mut response = match worked {
            Ok(Some(response)) => response,
            Ok(None) => broken(&uri),
            Err(Busy) => busy(&uri),
        };
        if !whole {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        let (status, took) = (response.status(), started.elapsed());
        metrics::answered(&method, route, status, took);
        logging::note(&Span::current(), logging::STATUS, status.as_u16().into());
        tracing::debug!(status = status.as_u16(), ms = took.as_millis(), "answered");
        response
    };
    answer.instrument(span).await
}

/// The answer once it is the request's turn, or nothing when there was a panic; and whether all of the request was read.
async fn work(
    app: &App,
    route: &str,
    request: Request,
    next: Next,
) -> (Result<Option<Response>, Busy>, bool) {
    let bytes = request.body().size_hint().upper().unwrap_or(u64::MAX);
    let room = app.admission.room_for(usize::try_from(bytes).unwrap_or(BODY_MAX).min(BODY_MAX));
    let Ok(_room) = room else { return (Err(Busy), false) };
    let (request, whole) = with_body(request).await;
    // Held until the answer is there. Whoever asks whether we are well is told so also when there is much to do.
    let place = if is_health(route) { Ok(None) } else { app.admission.enter().await.map(Some) };
    let Ok(_place) = place else { return (Err(Busy), whole) };
    let answered = AssertUnwindSafe(next.run(request)).catch_unwind().await;
    (Ok(answered.ok()), whole)
}

/// A panic is a bug, and its message in the log already: people are told on a page, programs in the envelope.
fn broken(uri: &Uri) -> Response {
    let error = Error::internal(&"a handler panicked");
    if pages::are_at(uri.path()) { visit::broken(uri) } else { error.into_response() }
}

/// There is no room: people are told on a page, programs in the envelope.
fn busy(uri: &Uri) -> Response {
    if pages::are_at(uri.path()) { visit::busy(uri) } else { Error::busy().into_response() }
}

/// Whether this is asked by whoever watches over the gateway.
pub(crate) fn is_health(route: &str) -> bool {
    route.starts_with("/health/")
}

/// The request with its body at hand, and whether that is all of it. Whatever is answered before a body was
/// read would end the connection under the client's next request.
async fn with_body(request: Request) -> (Request, bool) {
    let is_file = request.extensions().get::<MatchedPath>().is_some_and(|path| path.as_str() == FILES);
    let (parts, body) = request.into_parts();
    let limited = |body: Body, max| Body::new(Limited::new(body, max));
    match body.size_hint().upper() {
        Some(0) => return (Request::from_parts(parts, body), true),
        // So much is read for those only who have shown a key.
        Some(_) | None if is_file => return (Request::from_parts(parts, limited(body, FILE_MAX)), false),
        Some(length) if usize::try_from(length).is_ok_and(|length| length > BODY_MAX) => {
            return (Request::from_parts(parts, limited(body, 0)), false);
        }
        Some(_) | None => {}
    }
    match axum::body::to_bytes(body, BODY_MAX).await {
        Ok(bytes) => (Request::from_parts(parts, Body::from(bytes)), true),
        // The handler's extractor meets the same error again and says so in its own way.
        Err(error) => {
            let failing = futures_util::stream::once(async move { Err::<Bytes, _>(error) });
            (Request::from_parts(parts, Body::from_stream(failing)), false)
        }
    }
}
