//! Log messages, on standard error: standard output belongs to answers. And traces, where somebody collects them.

mod conventions;
mod traces;

use std::io::{self, IsTerminal as _};

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;

use crate::config::{Config, LogFormat};

pub(crate) use conventions::STATUS;
pub(crate) use traces::{Traces, continue_trace, note};

/// Starts logging as configured. A second call changes nothing.
pub fn log_init(config: &Config) {
    let subscriber = subscriber(config, io::stderr().is_terminal(), io::stderr);
    // An error means that logging has been started already.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

/// The same for a process that serves, which is traced where the configuration says so.
///
/// # Errors
/// When traces are wanted and there is no TLS.
pub(crate) fn log_and_trace(config: &Config) -> anyhow::Result<Option<Traces>> {
    let Some(traces) = Traces::start(&config.traces)? else {
        log_init(config);
        return Ok(None);
    };
    let lines = lines(config, io::stderr().is_terminal(), io::stderr);
    let lines = lines.with_filter(LevelFilter::from_level(config.log));
    let subscriber = tracing_subscriber::registry().with(lines).with(traces.layer());
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(Some(traces))
}

fn subscriber<W>(config: &Config, colour: bool, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let all = tracing_subscriber::registry().with(LevelFilter::from_level(config.log));
    all.with(lines(config, colour, writer))
}

/// What makes messages into lines.
fn lines<S, W>(config: &Config, colour: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_writer(writer);
    match config.log_format {
        LogFormat::Text => lines.with_ansi(colour).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).with_ansi(false).boxed(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::Level;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: Level, log_format: LogFormat) -> String {
        let config = Config { log, log_format, ..Config::default() };
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = subscriber(&config, false, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("request", order.id = "my-order\n1");
            let _inside = span.enter();
            tracing::info!(attempt = 2, "delivered");
            tracing::debug!("waiting");
        });
        let bytes = lines.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn machines_get_one_object_per_line() {
        let text = logged(Level::DEBUG, LogFormat::Json);
        let objects: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects.len(), 2, "{text}");
        assert_eq!(objects[0]["level"], "INFO");
        assert_eq!(objects[0]["message"], "delivered");
        assert_eq!(objects[0]["attempt"], 2);
        assert_eq!(objects[0]["span"]["order.id"], "my-order\n1");
        assert!(objects[0]["timestamp"].is_string());
    }

    #[test]
    fn people_get_text_without_colour_in_a_file() {
        let text = logged(Level::INFO, LogFormat::Text);
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(" INFO ") && text.contains("delivered attempt=2"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn the_level_decides_what_is_written() {
        assert_eq!(logged(Level::WARN, LogFormat::Text), "");
        assert!(logged(Level::DEBUG, LogFormat::Text).contains("waiting"));
    }
}
