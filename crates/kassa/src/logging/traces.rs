//! Traces, as OpenTelemetry has them: what a request and what follows from it did, and how long each part took.
//!
//! They are the spans that log messages stand in, sent to a collector by OTLP over HTTP. Finished spans wait in a queue
//! with an end and are sent by a thread of their own: a collector that is slow or gone costs spans and nothing else.

use super::conventions::Conventional;
use crate::config::Traces as Settings;
use crate::outbound::{Client, Options, Reach, Request};
use anyhow::Context as _;
use async_trait::async_trait;
use opentelemetry::propagation::TextMapPropagator as _;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HeaderExtractor, HttpClient, HttpError};
use opentelemetry_otlp::{WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, ParentBasedSampler, Sampler, SdkTracerProvider,
};
use std::time::Duration;
use tokio::runtime::Handle;
use tracing::{Level, Metadata, Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterFn, LevelFilter};
use tracing_subscriber::registry::LookupSpan;

/// Spans that wait to be sent, a few thousand payments' at a kilobyte or so each; beyond it they are dropped.
const QUEUE: usize = 16_384;
/// How long they wait for others to be sent with.
const DELAY: Duration = Duration::from_secs(1);
/// How long a collector may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// How long the end of the process waits for what is left.
const END_WITHIN: Duration = Duration::from_secs(2);

/// Traces that are being sent.
#[derive(Debug)]
pub(crate) struct Traces(SdkTracerProvider);

impl Traces {
    /// Prepares to send, if somebody wants traces. Nothing is connected to yet.
    ///
    /// # Errors
    /// When there is no TLS.
    pub(super) fn start(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let Some(url) = &settings.url else { return Ok(None) };
        let exporter = opentelemetry_otlp::SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new(settings)?)
            .with_endpoint(url.as_str())
            .with_timeout(ANSWER_WITHIN)
            .build()
            .context("preparing to send traces")?;
        let queue =
            BatchConfigBuilder::default().with_max_queue_size(QUEUE).with_scheduled_delay(DELAY).build();
        let sending = BatchSpanProcessor::builder(Conventional(exporter)).with_batch_config(queue).build();
        let own = Resource::builder()
            .with_service_name("kassa")
            .with_attribute(opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(sending)
            .with_sampler(sampler(settings.ratio))
            .with_resource(own.build())
            .build();
        Ok(Some(Self(provider)))
    }

    /// What makes spans into traces.
    pub(super) fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer("kassa"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(FilterFn::new(is_traced).with_max_level_hint(LevelFilter::TRACE))
    }

    /// Sends what is left, for a short time.
    pub(crate) async fn end(self) {
        let ended = tokio::task::spawn_blocking(move || self.0.shutdown_with_timeout(END_WITHIN)).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// All of our spans, and the messages in them that are of interest when nothing is wrong.
fn is_traced(what: &Metadata<'_>) -> bool {
    what.target().starts_with("kassa") && (what.is_span() || *what.level() <= Level::INFO)
}

/// Whoever calls decides which trace it is, not whether it is sent: that would be everybody's.
fn sampler(ratio: f64) -> ParentBasedSampler {
    let own = || Sampler::TraceIdRatioBased(ratio);
    Sampler::parent_based(own()).with_remote_parent_sampled(own()).with_remote_parent_not_sampled(own())
}

/// Makes a request's span part of the trace that its `traceparent` names (W3C Trace Context).
pub(crate) fn continue_trace(span: &Span, headers: &hyper::HeaderMap) {
    if headers.contains_key("traceparent") {
        let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        // Without traces there is nothing to be part of.
        let _ = span.set_parent(parent);
    }
}

/// Something that only traces tell about a span; log messages have it anyway.
pub(crate) fn note(span: &Span, name: &'static str, value: i64) {
    span.set_attribute(name, value);
}

/// The way to the collector. The exporter's thread knows nothing of the runtime, which the client needs.
#[derive(Debug)]
struct Collector {
    client: Client,
    header: Option<(&'static str, String)>,
    runtime: Handle,
}

impl Collector {
    fn new(settings: &Settings) -> anyhow::Result<Self> {
        let options = Options { total_timeout: ANSWER_WITHIN, ..Options::default() };
        let header = settings.header.as_ref().and_then(|header| {
            // One name, for as long as the process lives.
            let name: &'static str = header.name.as_str().to_owned().leak();
            header.value.to_str().ok().map(|value| (name, value.to_owned()))
        });
        let client = Client::new(options).context("preparing TLS")?;
        Ok(Self { client, header, runtime: Handle::current() })
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let mut headers = vec![("Content-Type", "application/x-protobuf".to_owned())];
        headers.extend(self.header.clone());
        let url = head.uri.to_string().parse()?;
        let request = Request { method: head.method, url, headers, body: body.to_vec() };
        let client = self.client.clone();
        let answer =
            self.runtime.spawn(async move { client.send(request, &Reach::Anywhere).await }).await??;
        Ok(http::Response::builder().status(answer.status).body(answer.body.into())?)
    }
}
