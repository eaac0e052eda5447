//! What the gateway tells a monitoring system: numbers about itself, in the text format of Prometheus.
//!
//! They belong to the process, like its log: whoever counts something says so here, and `/metrics` shows all of it.
//! Counting is a few relaxed atomic additions, without a lock and without text; a request has about 50 µs in all.
//! What has to be looked up, in the database or in `/proc`, is looked up when somebody reads ([`scrape`]).
//!
//! Labels have few values: routes are templates and never addresses, and nothing of an order, a card or a key is
//! in any of them. `docs/operating.md` says what each is good for; a test compares it with what is really shown.
//!
//! The histograms and the format are those of the `prometheus` crate. The newer `prometheus-client` takes a lock for
//! every observation and writes OpenMetrics only; an exporter behind the `metrics` façade keeps every observation
//! until somebody reads.

mod listener;
mod process;
mod requests;
mod scrape;

pub(crate) use listener::Listener;
pub(crate) use requests::answered;

use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
};
use prometheus::{Opts, Registry};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Seconds; from a read that is in memory to an acquirer that does not answer.
const SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0,
];
/// Writes in a commit.
const GROUP: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// Every number.
pub(crate) static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// What a payment waits for, apart from the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// A write, until its group begins; of each group the one that waited longest.
    StoreQueue,
    /// The statements of a group.
    StoreStatements,
    /// Its COMMIT: the disk, or the other databases that have to have it.
    StoreCommit,
    /// A directory server's answer to an authentication request.
    Authenticate,
    /// An acquirer's answer to an authorisation, or that there is none.
    Authorise,
    /// A shop's answer to a notification.
    Notify,
}

impl Stage {
    const ALL: [Self; 6] = [
        Self::StoreQueue,
        Self::StoreStatements,
        Self::StoreCommit,
        Self::Authenticate,
        Self::Authorise,
        Self::Notify,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::StoreQueue => "store_queue",
            Self::StoreStatements => "store_statements",
            Self::StoreCommit => "store_commit",
            Self::Authenticate => "authenticate",
            Self::Authorise => "authorise",
            Self::Notify => "notify",
        }
    }
}

/// How a write ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrote {
    Done,
    Stale,
    Failed,
    Unknown,
}

impl Wrote {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Done, "done"), (Self::Stale, "stale"), (Self::Failed, "failed"), (Self::Unknown, "unknown")];
}

/// What can become of an order: it is placed, and gets one status of the API after the other.
const OUTCOMES: [&str; 12] = [
    "placed",
    "initialized",
    "completed",
    "declined",
    "uncleared",
    "void",
    "cancelled",
    "expired",
    "shipped",
    "partial_refunded",
    "refunded",
    "chargedback",
];

/// What became of a delivery to a shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Acknowledged,
    Retried,
    Parked,
}

impl Told {
    const ALL: [(Self, &'static str); 3] =
        [(Self::Acknowledged, "acknowledged"), (Self::Retried, "retried"), (Self::Parked, "parked")];
}

/// Every number, each with its name.
pub(crate) struct Metrics {
    registry: Registry,
    requests: HistogramVec,
    responses: IntCounterVec,
    orders: [IntCounter; OUTCOMES.len()],
    stages: [Histogram; 6],
    group: Histogram,
    retries: IntCounter,
    writes: [IntCounter; 4],
    told: [IntCounter; 3],
    /// Connections that are open.
    pub(crate) connections: IntGauge,
    /// Connections that were closed to make room for others.
    pub(crate) shed: IntCounter,
    /// Requests that are at work.
    pub(crate) at_work: IntGauge,
    /// Requests that were refused for want of room.
    pub(crate) refused: IntCounter,
    /// Everything below is set when somebody reads.
    scraped: scrape::Scraped,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    fn new() -> Self {
        let registry = Registry::new();
        let make = Make(&registry);
        let stages = make.histograms(
            "kassa_stage_duration_seconds",
            "What payments wait for: the store, a directory server, an acquirer, a shop.",
            &["stage"],
        );
        let writes = make.counters("kassa_store_writes_total", "Writes by how they ended.", &["result"]);
        let orders = make.counters(
            "kassa_orders_total",
            "Orders by what became of them: placed, and every status that they reached since.",
            &["outcome"],
        );
        let told = make.counters(
            "kassa_notifications_total",
            "Deliveries to shops by what became of them.",
            &["result"],
        );
        let group = HistogramOpts::new("kassa_store_group_writes", "Writes that shared one commit.");
        let build = make.gauges("kassa_build_info", "1; its label says which version this is.", &["version"]);
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        Self {
            requests: make.histograms(
                "kassa_http_request_duration_seconds",
                "From a request's header to its answer, by method and route.",
                &["method", "route"],
            ),
            responses: make.counters(
                "kassa_http_requests_total",
                "Requests that were answered, by method, route and status.",
                &["method", "route", "status"],
            ),
            orders: OUTCOMES.map(|outcome| orders.with_label_values(&[outcome])),
            stages: Stage::ALL.map(|stage| stages.with_label_values(&[stage.word()])),
            group: make.add(Histogram::with_opts(group.buckets(GROUP.to_vec()))),
            retries: make.add(IntCounter::new(
                "kassa_store_retries_total",
                "Groups of writes that were tried again: a lost connection, or another transaction in the way.",
            )),
            writes: Wrote::ALL.map(|(_, word)| writes.with_label_values(&[word])),
            told: Told::ALL.map(|(_, word)| told.with_label_values(&[word])),
            connections: make.gauge(
                "kassa_http_connections",
                "Connections that are open, those of readers of metrics among them.",
            ),
            shed: make.add(IntCounter::new(
                "kassa_http_connections_shed_total",
                "Connections without a request that were closed to make room for others.",
            )),
            at_work: make.gauge(
                "kassa_http_requests_at_work",
                "Requests that are being answered, without those that wait for somebody else.",
            ),
            refused: make.add(IntCounter::new(
                "kassa_http_refused_total",
                "Requests that were refused because there was too much to do.",
            )),
            scraped: scrape::Scraped::new(&make),
            registry,
        }
    }
}

/// That something took this long.
pub(crate) fn took(stage: Stage, time: Duration) {
    let at = Stage::ALL.iter().position(|known| *known == stage);
    if let Some(stage) = at.and_then(|at| METRICS.stages.get(at)) {
        stage.observe(time.as_secs_f64());
    }
}

/// That something took from then till now.
pub(crate) fn took_since(stage: Stage, began: Instant) {
    took(stage, began.elapsed());
}

/// That so many writes shared a commit.
pub(crate) fn grouped(writes: usize) {
    METRICS.group.observe(f64::from(u32::try_from(writes).unwrap_or(u32::MAX)));
}

/// That a group of writes is tried again.
pub(crate) fn retried() {
    METRICS.retries.inc();
}

/// How many were, in this process.
#[cfg(test)]
pub(crate) fn retries() -> u64 {
    METRICS.retries.get()
}

/// How a write ended.
pub(crate) fn wrote(how: Wrote) {
    let at = Wrote::ALL.iter().position(|(known, _)| *known == how);
    if let Some(counter) = at.and_then(|at| METRICS.writes.get(at)) {
        counter.inc();
    }
}

/// What became of a delivery.
pub(crate) fn told(how: Told) {
    let at = Told::ALL.iter().position(|(known, _)| *known == how);
    if let Some(counter) = at.and_then(|at| METRICS.told.get(at)) {
        counter.inc();
    }
}

/// What became of an order.
pub(crate) fn order_became(outcome: &'static str) {
    let at = OUTCOMES.iter().position(|known| *known == outcome);
    debug_assert!(at.is_some(), "{outcome} is not among the outcomes");
    if let Some(counter) = at.and_then(|at| METRICS.orders.get(at)) {
        counter.inc();
    }
}

/// Makes numbers and puts them on the list.
struct Make<'a>(&'a Registry);

impl Make<'_> {
    fn add<T: prometheus::core::Collector + Clone + 'static>(&self, made: prometheus::Result<T>) -> T {
        let made = made.expect("names and labels are valid: they are constants, and a test reads them all");
        self.0.register(Box::new(made.clone())).expect("every name is there once");
        made
    }

    fn histograms(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        self.add(HistogramVec::new(HistogramOpts::new(name, help).buckets(SECONDS.to_vec()), labels))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.add(IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        self.add(IntGaugeVec::new(Opts::new(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.add(IntGauge::new(name, help))
    }

    fn seconds(&self, name: &str, help: &str) -> Gauge {
        self.add(Gauge::new(name, help))
    }
}
