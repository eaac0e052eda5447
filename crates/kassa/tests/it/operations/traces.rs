//! What a collector of traces is told, by OTLP over HTTP: enough to see where a payment spent its time, and no secret.

use crate::harness::{Binary, Database, Home, Http, Shop, bare, run};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use serde_json::json;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";
const TOKEN: &str = "Bearer the-collectors-own-secret";

/// Takes traces.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(HeaderMap, Bytes)>>>);

impl Collector {
    async fn listen(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1/traces", listener.local_addr().unwrap());
        let take = async |State(Self(taken)): State<Self>, headers: HeaderMap, body: Bytes| {
            taken.lock().unwrap().push((headers, body));
        };
        let router = Router::new().route("/v1/traces", axum::routing::post(take)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url
    }

    fn taken(&self) -> Vec<(HeaderMap, Bytes)> {
        self.0.lock().unwrap().clone()
    }

    fn spans(&self) -> Vec<Span> {
        let decode = |(_, body): (HeaderMap, Bytes)| ExportTraceServiceRequest::decode(body).unwrap();
        let resources = self.taken().into_iter().flat_map(|taken| decode(taken).resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An attribute as text.
fn attribute(span: &Span, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Any::StringValue(text) => Some(text.clone()),
        Any::IntValue(number) => Some(number.to_string()),
        other => panic!("{name} is {other:?}"),
    }
}

async fn traced(url: &str, ratio: &str) -> Home {
    let home = Home::new(Database::Sqlite).await.with("KASSA_TRACES_URL", url);
    home.with("KASSA_TRACES_HEADER", &format!("Authorization: {TOKEN}")).with("KASSA_TRACES_RATIO", ratio)
}

/// Places an order within somebody else's trace, and pays it; the link.
async fn pay(binary: &Binary, shop: &Shop) -> String {
    let order = json!({"type": "redirect", "order_id": "traced", "currency": "EUR", "amount": 1000,
        "description": "An order", "payment_options": {"notification_url": shop.url("/notification")}});
    let parent = format!("00-{TRACE}-{CALLER}-01");
    let headers = [("api_key", binary.key.as_str()), ("traceparent", &parent)];
    let url = format!("{}/v1/json/orders", binary.url);
    let placed = Http::new().send("POST", &url, &headers, &order.to_string()).await.unwrap();
    let link = placed.json()["data"]["payment_url"].as_str().unwrap().to_owned();
    assert_eq!(run(&mut bare(&["pay", &link])).code, Some(0));
    link
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_can_be_followed_and_no_secret_is_told() {
    let collector = Collector::default();
    let home = traced(&collector.listen().await, "1").await;
    let binary = home.serve().await;
    let (key, shop) = (binary.key.clone(), Shop::open(&binary.key).await);
    let link = pay(&binary, &shop).await;
    shop.wait_for(1).await;
    assert!(binary.stop().await.success());

    let spans = collector.spans();
    let all = || spans.iter().map(|span| &span.name).collect::<Vec<_>>();
    let find =
        |name: &str| spans.iter().find(|span| span.name == name).unwrap_or_else(|| panic!("{:?}", all()));
    let child = |of: &Span, name: &str| {
        let found = spans.iter().find(|span| span.name == name && span.parent_span_id == of.span_id);
        found.unwrap_or_else(|| panic!("{} has no {name}: {:?}", of.name, all()))
    };
    let placed = find("POST /v1/json/orders");
    assert_eq!((hex(&placed.trace_id).as_str(), hex(&placed.parent_span_id).as_str()), (TRACE, CALLER));
    assert_eq!(placed.kind(), SpanKind::Server);
    for (name, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/v1/json/orders"),
        ("http.response.status_code", "200"),
        ("order.id", "traced"),
    ] {
        assert_eq!(attribute(placed, name).as_deref(), Some(value), "{name}");
    }
    child(placed, "commit");
    let authorise = find("authorise");
    let message = child(authorise, "message");
    assert_eq!((attribute(message, "mti").as_deref(), message.kind()), (Some("0100"), SpanKind::Client));
    let of = spans.iter().find(|span| span.span_id == authorise.parent_span_id);
    assert!(of.is_some_and(|span| attribute(span, "http.route").is_some()), "{authorise:?} is of {of:?}");
    find("directory");
    let told = find("notification");
    assert_eq!((attribute(told, "order.id").as_deref(), told.kind()), (Some("traced"), SpanKind::Client));

    for span in &spans {
        let mut keys: Vec<_> = span.attributes.iter().map(|attribute| &attribute.key).collect();
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all, "each is there once: {span:?}");
    }
    let session = link.split("/connect/").nth(1).unwrap().split(['/', '?']).next().unwrap();
    for (headers, body) in collector.taken() {
        assert_eq!(headers["authorization"], TOKEN);
        let text = String::from_utf8_lossy(&body);
        for secret in [session, key.as_str(), "6799990000000000011", TOKEN] {
            assert!(!text.contains(secret), "{secret} was told");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_decides_what_is_sent() {
    let collector = Collector::default();
    let home = traced(&collector.listen().await, "0").await;
    let binary = home.serve().await;
    let shop = Shop::open(&binary.key).await;
    pay(&binary, &shop).await;
    assert!(binary.stop().await.success());
    assert_eq!(collector.spans(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_gone_or_hangs_holds_up_nothing() {
    let gone = "http://127.0.0.1:1/v1/traces".to_owned();
    // It is connected to and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hangs = format!("http://{}/v1/traces", silent.local_addr().unwrap());
    for url in [gone, hangs] {
        let home = traced(&url, "1").await;
        let binary = home.serve().await;
        let shop = Shop::open(&binary.key).await;
        let log = binary.stderr.clone();
        pay(&binary, &shop).await;
        shop.wait_for(1).await;
        assert!(binary.stop().await.success());
        let log = std::fs::read_to_string(log).unwrap();
        let said = log.contains("BatchSpanProcessor.ExportError") || log.contains("traces were not sent");
        assert!(said, "{log}");
        assert!(!log.contains(TOKEN), "{log}");
    }
}
