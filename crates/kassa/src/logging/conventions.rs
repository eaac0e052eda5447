//! Names in traces as OpenTelemetry's semantic conventions have them. Log messages keep their shorter ones, so spans are
//! renamed when they are sent, by the thread that sends them.

use opentelemetry::trace::{SpanKind, Status};
use opentelemetry::{Key, KeyValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use std::collections::HashSet;
use std::time::Duration;

/// How a status is noted at a request's span, and sent.
pub(crate) const STATUS: &str = "http.response.status_code";

/// An exporter that gets spans by their conventional names.
#[derive(Debug)]
pub(super) struct Conventional<E>(pub(super) E);

impl<E: SpanExporter> SpanExporter for Conventional<E> {
    fn export(&self, mut batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        for span in &mut batch {
            say_once(&mut span.attributes);
            rename(span);
        }
        self.0.export(batch)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

/// What was noted twice is there twice, and is to be there once.
fn say_once(attributes: &mut Vec<KeyValue>) {
    let mut known = HashSet::new();
    attributes.retain(|attribute| known.insert(attribute.key.clone()));
}

fn rename(span: &mut SpanData) {
    match span.name.as_ref() {
        "request" => {
            span.span_kind = SpanKind::Server;
            for (name, conventional) in [("method", "http.request.method"), ("route", "http.route")] {
                let known = span.attributes.iter_mut().filter(|known| known.key.as_str() == name);
                known.for_each(|known| known.key = Key::from_static_str(conventional));
            }
            let word = |name| value(&span.attributes, name).map(Value::as_str).unwrap_or_default();
            span.name = format!("{} {}", word("http.request.method"), word("http.route")).into();
            if matches!(value(&span.attributes, STATUS), Some(Value::I64(500..))) {
                span.status = Status::error("");
            }
        }
        // Somebody else is asked.
        "notification" | "message" | "directory" => span.span_kind = SpanKind::Client,
        "job" => span.span_kind = SpanKind::Consumer,
        _ => {}
    }
}

fn value<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a Value> {
    attributes.iter().find(|known| known.key.as_str() == name).map(|known| &known.value)
}
