//! Requests made from the OpenAPI document and changed at random: every answer is one that the document has for the
//! operation, in the envelope, never a fault of ours and never late. Afterwards the books agree.
//!
//! `TEST_REQUESTS` sets how many (20,000), `TEST_SEED` repeats them; both are printed.

mod document;
mod generate;
mod mutate;
mod world;

use crate::harness::{Database, Dice, Gateway, Http, Setup, fresh_seed, setting};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request};
use document::{Document, Found, refusals};
use generate::Generator;
use mutate::Written;
use payments::time::Millis;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tower::ServiceExt as _;
use world::{CARDS, World};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(1);
/// After so many requests time passes.
const ROUND: u64 = 500;

/// What came back.
#[derive(Debug)]
struct Answered {
    status: u16,
    content_type: String,
    text: String,
    json: Value,
    took: Duration,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_gets_a_documented_answer_and_the_books_agree() {
    let (requests, seed) =
        (setting("TEST_REQUESTS").unwrap_or(20_000), setting("TEST_SEED").unwrap_or_else(fresh_seed));
    eprintln!("TEST_REQUESTS={requests} TEST_SEED={seed}");
    let setup =
        Setup { answer_within: Millis(100), notify_hold: Duration::from_millis(1), ..Setup::default() };
    let gateway = Gateway::start_as(Database::Sqlite, setup).await;
    let (document, mut world) = (read(&gateway).await, World::live(&gateway).await);
    let mut generator = Generator::new(seed, &gateway.key, gateway.shop.url("/notification"));
    let mut run = Run {
        router: gateway.app.router(),
        document,
        accepted: BTreeMap::new(),
        slowest: Default::default(),
    };
    let mut pace = Dice::new(seed, 2);
    for number in 1..=requests {
        let drawn = generator.request(&run.document, &world);
        let changes = generator.dice.up_to(4) * u64::from(generator.dice.chance(70));
        let written = mutate::write(drawn, changes, &mut generator);
        let Some(answered) = run.send(&written).await else { continue };
        if let Err(wrong) = run.judge(&written, &answered, &mut world) {
            panic!("request {number} of TEST_SEED={seed}: {wrong}\n{}\n{answered:?}", shown(&written));
        }
        // The other requests need an acquirer that answers.
        if written.target.contains("/simulator/faults") {
            gateway.call("POST", "/v1/json/simulator/faults", "{}").await;
        }
        if number % ROUND == 0 {
            gateway.pass(*pace.pick(&[Millis::seconds(3), Millis::minutes(5), Millis::minutes(61)])).await;
        }
    }
    eprintln!("slowest {:?}, accepted {:?}", run.slowest, run.accepted);
    gateway.pass(Millis::seconds(10)).await;
    gateway.audited().await;
    for id in &world.paid {
        let status = gateway.status(id).await;
        let word = status.split('/').next().unwrap();
        let paid = ["completed", "shipped", "partial_refunded", "refunded", "chargedback"];
        assert!(paid.contains(&word), "{id} was paid and is {status}");
    }
    // Fewer may not reach them all.
    if requests >= 20_000 {
        for operation in &run.document.operations {
            assert!(run.accepted.contains_key(&operation.id), "{} was never accepted", operation.id);
        }
    }
}

async fn read(gateway: &Gateway) -> Document {
    let url = format!("{}/openapi.json", gateway.url);
    Document::read(Http::new().send("GET", &url, &[], "").await.unwrap().json())
}

struct Run {
    router: Router,
    document: Document,
    /// How often each operation did what it was asked for.
    accepted: BTreeMap<String, u64>,
    slowest: (Duration, String),
}

impl Run {
    /// The answer; nothing to what no HTTP client can send.
    async fn send(&mut self, written: &Written) -> Option<Answered> {
        let mut request = Request::builder().method(written.method.as_str()).uri(&written.target);
        for (name, value) in &written.headers {
            let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
            request = request.header(name, HeaderValue::from_bytes(value).ok()?);
        }
        let request = request.body(Body::from(written.body.clone())).ok()?;
        let began = Instant::now();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let content_type = response.headers().get("content-type").and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let body = axum::body::to_bytes(response.into_body(), 64 << 20).await.unwrap();
        let took = began.elapsed();
        if took > self.slowest.0 {
            self.slowest = (took, format!("{} {}", written.method, written.operation));
        }
        let text = String::from_utf8(body.to_vec()).expect("answers are UTF-8");
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Some(Answered { status, content_type, text, json, took })
    }

    /// What is wrong with an answer, if anything is.
    fn judge(&mut self, written: &Written, answered: &Answered, world: &mut World) -> Result<(), String> {
        let Answered { status, text, json, took, .. } = answered;
        if *status >= 500 {
            return Err("a fault of ours".to_owned());
        }
        if *took > PATIENCE {
            return Err(format!("took {took:?}"));
        }
        if CARDS.iter().any(|card| text.contains(card)) {
            return Err("shows a card number".to_owned());
        }
        let path = written.target.split('?').next().unwrap();
        let method = meant(written);
        if method == "HEAD" {
            // Its body is left out by the connection.
            return Ok(());
        }
        match self.document.find(&method, path) {
            Found::Nothing => refusal(answered, &[(404, 1000), (413, 1000)]),
            Found::OtherMethods => refusal(answered, &[(405, 1000), (413, 1000)]),
            Found::Operation(operation) if *status == 200 => {
                let response = &operation.said["responses"]["200"];
                let id = operation.id.clone();
                let json_schema = response.pointer("/content/application~1json/schema");
                if let Some(schema) = json_schema {
                    let difference = self.document.difference(schema, json, "answer");
                    if let Some(difference) = difference {
                        return Err(format!("is not as documented: {difference}"));
                    }
                }
                if written.operation == id {
                    world.learn(&id, &json["data"]);
                }
                *self.accepted.entry(id).or_default() += 1;
                Ok(())
            }
            Found::Operation(operation) => {
                let known = refusals(&operation.said);
                let known =
                    known.iter().flat_map(|(status, codes)| codes.iter().map(|code| (*status, *code)));
                refusal(answered, &known.collect::<Vec<_>>())
            }
        }
    }
}

/// The method that the server should take it for.
fn meant(written: &Written) -> String {
    let said = written.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-http-method-override"));
    let said = said.map(|(_, value)| String::from_utf8_lossy(value).to_uppercase());
    said.filter(|said| written.method == "POST" && ["PATCH", "PUT", "DELETE"].contains(&said.as_str()))
        .unwrap_or_else(|| written.method.clone())
}

/// A refusal in the envelope, with one of these statuses and codes.
fn refusal(answered: &Answered, known: &[(u16, u64)]) -> Result<(), String> {
    let Answered { status, content_type, text, json, .. } = answered;
    let keys: Vec<&String> = json.as_object().map(|object| object.keys().collect()).unwrap_or_default();
    let is_envelope = keys == ["data", "error_code", "error_info", "success"]
        && json["success"] == false
        && json["data"] == serde_json::json!({})
        && json["error_info"].as_str().is_some_and(|info| !info.is_empty());
    if !is_envelope || !content_type.starts_with("application/json") {
        return Err(format!("is no refusal in the envelope: {text:.300}"));
    }
    let code = json["error_code"].as_u64().unwrap_or_default();
    if !known.contains(&(*status, code)) {
        return Err(format!("{status} with {code} is not documented"));
    }
    Ok(())
}

/// A request as somebody can send it again.
fn shown(written: &Written) -> String {
    let headers = written.headers.iter().filter(|(name, _)| name != "api_key");
    let headers: String =
        headers.map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value))).collect();
    format!("{} {}\n{headers}\n{}", written.method, written.target, String::from_utf8_lossy(&written.body))
}
