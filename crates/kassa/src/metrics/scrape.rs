//! The numbers that are looked up when somebody reads: queues, what is due, links, the process.

use super::process::Process;
use super::{METRICS, Make};
use crate::acquirer::status::{State, Status};
use crate::app::App;
use prometheus::{Gauge, IntCounterVec, IntGauge, IntGaugeVec};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long what the database said is good enough: several may read, and one may read often.
const FRESH: Duration = Duration::from_secs(5);

/// The numbers.
pub(super) struct Scraped {
    queue: IntGauge,
    database_up: IntGauge,
    notifications_due: IntGauge,
    notification_lag: Gauge,
    jobs_due: IntGauge,
    job_lag: Gauge,
    unknown: IntGauge,
    link_state: IntGaugeVec,
    link_sessions: IntGaugeVec,
    link_sessions_wanted: IntGaugeVec,
    link_in_flight: IntGaugeVec,
    link_events: IntCounterVec,
    process: Process,
    /// When the database was asked last; also lets one reader look at a time.
    looked: Mutex<Option<Instant>>,
}

impl Scraped {
    pub(super) fn new(make: &Make<'_>) -> Self {
        let acquirer = &["acquirer"];
        let of_link = |name: &str, help: &str| make.gauges(name, help, acquirer);
        Self {
            queue: make.gauge("kassa_store_queue_writes", "Writes that wait for the database."),
            database_up: make.gauge("kassa_database_up", "1 when the database answered, 0 when it did not."),
            notifications_due: make.gauge(
                "kassa_notifications_due",
                "Notifications whose time has come, those under way among them, counted up to 10000.",
            ),
            notification_lag: make.seconds(
                "kassa_notification_lag_seconds",
                "How long the oldest notification whose time has come is waiting.",
            ),
            jobs_due: make.gauge(
                "kassa_jobs_due",
                "Jobs whose time has come, those under way among them, counted up to 10000.",
            ),
            job_lag: make
                .seconds("kassa_job_lag_seconds", "How long the oldest job whose time has come is waiting."),
            unknown: make.gauge(
                "kassa_unknown_outcomes",
                "Payments of which nobody knows yet whether the card was charged.",
            ),
            link_state: make.gauges(
                "kassa_acquirer_link_state",
                "1 for the state that the link to an acquirer is in, 0 for the others.",
                &["acquirer", "state"],
            ),
            link_sessions: of_link(
                "kassa_acquirer_sessions",
                "Sessions with an acquirer that are signed on.",
            ),
            link_sessions_wanted: of_link("kassa_acquirer_sessions_wanted", "How many there should be."),
            link_in_flight: of_link(
                "kassa_acquirer_in_flight",
                "Messages that wait for an acquirer's answer.",
            ),
            link_events: make.counters(
                "kassa_acquirer_events_total",
                "What happened on the link to an acquirer.",
                &["acquirer", "event"],
            ),
            process: Process::new(make),
            looked: Mutex::default(),
        }
    }

    /// Whether it is time to ask the database again.
    fn is_stale(&self) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let stale = looked.is_none_or(|at| at.elapsed() >= FRESH);
        if stale {
            *looked = Some(Instant::now());
        }
        stale
    }

    fn link(&self, status: &Status) {
        let name = status.acquirer.as_str();
        for state in [State::Up, State::Down, State::Suspended] {
            let gauge = self.link_state.with_label_values(&[name, state.word()]);
            gauge.set(i64::from(status.state == state));
        }
        let set = |gauges: &IntGaugeVec, value: usize| {
            gauges.with_label_values(&[name]).set(i64::try_from(value).unwrap_or(i64::MAX));
        };
        set(&self.link_sessions, status.signed_on);
        set(&self.link_sessions_wanted, status.sessions);
        set(&self.link_in_flight, status.in_flight);
        for (event, count) in status.counted() {
            let counter = self.link_events.with_label_values(&[name, &event.replace(' ', "_")]);
            counter.inc_by(count.saturating_sub(counter.get()));
        }
    }
}

impl App {
    /// Looks up what is not counted as it happens.
    pub(super) async fn look_up_metrics(&self) {
        let scraped = &METRICS.scraped;
        scraped.process.look();
        scraped.queue.set(i64::try_from(self.store.queued()).unwrap_or(i64::MAX));
        for status in self.acquirer.statuses() {
            scraped.link(&status);
        }
        if !scraped.is_stale() {
            return;
        }
        let now = self.now();
        let backlog = match self.store.backlog(now).await {
            Ok(backlog) => backlog,
            Err(error) => {
                tracing::warn!(%error, "the backlog could not be looked up");
                return scraped.database_up.set(0);
            }
        };
        scraped.database_up.set(1);
        let lag = |oldest: Option<payments::time::Timestamp>| {
            let waited = oldest.map_or(0, |oldest| now.since(oldest).0);
            Duration::from_millis(u64::try_from(waited).unwrap_or(0)).as_secs_f64()
        };
        scraped.notifications_due.set(backlog.notifications);
        scraped.notification_lag.set(lag(backlog.oldest_notification));
        scraped.jobs_due.set(backlog.jobs);
        scraped.job_lag.set(lag(backlog.oldest_job));
        scraped.unknown.set(backlog.unknown);
    }
}
