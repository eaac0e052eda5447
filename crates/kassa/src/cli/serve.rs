//! `kassa serve`: everything in one process.

use super::open::{First, Opened, lock, open_variant};
use crate::acquirer::ADVICE_WITHIN;
use crate::app::{App, Peers, Settings};
use crate::clock::Clock;
use crate::config::{Config, Flags};
use crate::keys::{ApiSecret, KeyRing};
use crate::server::tls::{Authority, Tls};
use crate::server::{self, Limits};
use crate::store::{Site, Store, Variant};
use crate::{logging, metrics, outbound, ranges, sites, threeds, worker};
use anyhow::Context as _;
use payments::ranges::Ranges;
use payments::time::Millis;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long a stop waits for the acquirer's answer to payments that are under way. A payment whose answer comes
/// later is unknown, and is asked for after the next start.
const GRACE: Duration = Duration::from_secs(3);

/// How often it is seen by itself that the key file was replaced. Whatever needs a new key looks at once.
const LOOK_AT_KEYS: Duration = Duration::from_secs(5);

/// Serves until it is told to stop.
pub(super) async fn run(flags: Flags, variant: Variant) -> anyhow::Result<u8> {
    let config = Config::load(flags)?;
    let traces = logging::log_and_trace(&config)?;
    // Each connection is a file descriptor, and the usual limit is from a time of few. What is not permitted stays.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let listen = config.listen;
    let listener = server::listen(listen).with_context(|| format!("listening on {listen}"))?;
    let bound = listener.local_addr().context("reading the address listened on")?;
    let metrics = match config.metrics_listen {
        Some(listen) => Some(metrics::Listener::bind(listen).await?),
        None => None,
    };
    // Read before anything is created, like everything else that has to be there already.
    let own = own_certificate(&config)?;
    let ranges = ranges::load(config.cards_ranges.as_deref())?;
    let opened = open_variant(config, First::Create, variant).await?;
    let _lock = lock(&opened.config)?;
    let local = if own.is_none() { local_certificate(&opened.config)? } else { None };
    let limits = Limits {
        connections: opened.config.connections_max,
        connections_per_ip: opened.config.connections_per_ip_max,
        ..Limits::default()
    };
    let public_url = opened.config.base_url(bound);
    let app = start(&opened, public_url.clone(), ranges, clock(&opened.store).await?)?;
    let shares = opened.config.database.is_some();
    if shares {
        app.beat().await.context("joining the nodes on this database")?;
    }
    let wanted = opened.config.test_api_key.clone();
    let access = sites::first_site(&opened.store, &opened.keys, &opened.random, wanted, app.now()).await?;
    // Before anybody reads that it runs: whoever then stops it is heard.
    let mut told = Signals::listen()?;
    let ca = local.is_some().then(|| opened.config.tls_dir().join("ca.pem"));
    greet(&public_url, &access.site, &access.key, ca.as_deref())?;

    let (stop, stopped) = watch::channel(false);
    let tending = shares.then(|| tokio::spawn(app.clone().tend_node(stopped.clone())));
    let working = opened.config.roles.worker.then(|| tokio::spawn(worker::work(app.clone(), stopped)));
    let counting = metrics.map(|metrics| metrics.serve(&app));
    let telling = tell_status(&opened.config, &app);
    let watching = tokio::spawn(watch_keys(Arc::clone(&opened.keys)));
    let drain = Duration::from_millis(opened.config.drain_ms);
    let stopping = async {
        told.next().await;
        app.drain();
        // Until balancers have noticed, or somebody is in a hurry.
        let _ = tokio::time::timeout(drain, told.next()).await;
        app.stop_waiting();
    };
    let results = results_from_elsewhere(&opened.config, &app).await?;
    server::serve(listener, own.or(local), app.router(), limits, stopping).await;
    results.inspect(tokio::task::JoinHandle::abort);
    tracing::info!("stopping: what is under way is finished");
    app.underway.close();
    if tokio::time::timeout(GRACE, app.underway.wait()).await.is_err() {
        tracing::warn!("payments are still under way: their outcome is asked for after the next start");
    }
    watching.abort();
    counting.inspect(JoinHandle::abort);
    telling.inspect(tokio::task::JoinHandle::abort);
    stop.send_replace(true);
    for ending in [working, tending].into_iter().flatten() {
        ending.await.context("stopping the workers")?;
    }
    if let Some(traces) = traces {
        traces.end().await;
    }
    Ok(0)
}

/// Nodes on one database go by its clock.
async fn clock(store: &Store) -> anyhow::Result<Clock> {
    let shared = store.shared_clock().await.context("asking the database what time it is")?;
    Ok(shared.map_or(Clock::System, Clock::shared))
}

fn start(opened: &Opened, public_url: String, ranges: Ranges, clock: Clock) -> anyhow::Result<App> {
    let config: &Config = &opened.config;
    let answer_within = Millis(i64::try_from(config.acquirer_answer_ms).unwrap_or(i64::MAX));
    let settings = Settings {
        public_url,
        answer_within,
        advice_within: answer_within.min(ADVICE_WITHIN),
        page_wait: Duration::from_millis(config.page_wait_ms),
        notify_hold: Duration::from_millis(config.notify_hold_ms),
        notify_allow: config.notify_allow.clone(),
        ranges: Arc::new(ranges),
        roles: config.roles,
        rate_limit_live: config.rate_limit_live,
        rate_limit_test: config.rate_limit_test,
        history: Millis::days(i64::from(config.history_days)),
        requests_max: config.requests_max,
    };
    let client = outbound::Client::new(outbound::Options::of_notifications()).context("preparing TLS")?;
    let (keys, random, store) = (Arc::clone(&opened.keys), opened.random.clone(), opened.store.clone());
    let peers = Peers::prepare(threeds::Setup::prepare(&config.threeds)?, &config.acquirers)?;
    Ok(App::with_peers(settings, clock, random, keys, store, client, peers))
}

/// Tells `kassa acquirer status` how the links are doing, where there are any. Nothing else depends on it.
fn tell_status(config: &Config, app: &App) -> Option<JoinHandle<()>> {
    if config.acquirers.is_empty() {
        return None;
    }
    let telling = server::status::tell(&config.data_dir, app.clone());
    telling.inspect_err(|error| tracing::warn!(%error, "kassa acquirer status will not be answered")).ok()
}

/// Takes the results of a directory server that shows who it is, where an operator asked for that.
async fn results_from_elsewhere(config: &Config, app: &App) -> anyhow::Result<Option<JoinHandle<()>>> {
    let threeds = &config.threeds;
    if !config.roles.pages {
        return Ok(None);
    }
    let (Some(listen), Some(certificate), Some(key), Some(ca)) =
        (threeds.results_listen, &threeds.results_certificate, &threeds.results_key, &threeds.results_ca)
    else {
        return Ok(None);
    };
    let tls = Tls::mutual(certificate, key, ca)?;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
    let router = app.results_router();
    let serving = server::serve(listener, Some(tls), router, Limits::default(), std::future::pending());
    Ok(Some(tokio::spawn(serving)))
}

/// Forgets a key soon after it was destroyed, and says early when a new key file cannot be used.
async fn watch_keys(keys: Arc<KeyRing>) {
    loop {
        tokio::time::sleep(LOOK_AT_KEYS).await;
        keys.refresh();
    }
}

/// The operator's own certificate, where there is one.
fn own_certificate(config: &Config) -> anyhow::Result<Option<Tls>> {
    match (&config.tls_cert, &config.tls_key) {
        (Some(certificate), Some(key)) => Tls::from_files(certificate, key).map(Some),
        _ => Ok(None),
    }
}

/// A certificate from the authority in the data folder, where HTTPS is asked for.
fn local_certificate(config: &Config) -> anyhow::Result<Option<Tls>> {
    if !config.tls {
        return Ok(None);
    }
    let authority = Authority::open_or_create(&config.tls_dir(), Clock::System.now())?;
    Tls::local(authority, config.tls_names.clone(), Clock::System).map(Some)
}

/// How the process is asked to end.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("listening for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Ready when it is asked once more.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// What a person needs for a first payment. The same at every start. `ca` is the authority to trust, if it is ours.
fn greet(url: &str, site: &Site, key: &ApiSecret, ca: Option<&Path>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let name = &site.name;
    if site.live {
        writeln!(
            out,
            "Kassa is running at {url}\nThe first site, {name}, is live: its API key is not shown."
        )?;
        return Ok(());
    }
    let key = key.expose();
    let header = quoted(&format!("api_key: {key}"));
    let ca = ca.map(|path| quoted(&path.display().to_string()));
    let (curl, pay) = match &ca {
        Some(path) => (format!("curl --cacert {path}"), format!("pay --ca {path}")),
        None => ("curl".to_owned(), "pay".to_owned()),
    };
    writeln!(
        out,
        "Kassa is running at {url}

  Test site   {name}
  API key     {key}

Create an order:

  {curl} -s {url}/v1/json/orders -H {header} -d '{{\"type\":\"redirect\",\
\"order_id\":\"my-order-id-1\",\"gateway\":\"MAESTRO\",\"currency\":\"EUR\",\"amount\":1000,\
\"description\":\"Test order description\",\"payment_options\":{{\
\"notification_url\":\"http://www.example.com/client/notification?type=notification\",\
\"redirect_url\":\"http://www.example.com/client/notification?type=redirect\",\
\"cancel_url\":\"http://www.example.com/client/notification?type=cancel\",\"close_window\":true}},\
\"customer\":{{\"locale\":\"nl_NL\",\"ip_address\":\"123.123.123.123\"}}}}'

Then open the payment_url of the answer in a browser and pay with card 6799990000000000011,
or let Kassa play the customer:

  kassa {pay} 'PAYMENT_URL'          (cargo run --release -- {pay} 'PAYMENT_URL')

and see how the order stands:

  {curl} -s {url}/v1/json/orders/my-order-id-1 -H {header}
"
    )?;
    if ca.is_some() {
        writeln!(out, "kassa ca says how other clients come to trust the certificate.")?;
    }
    out.flush()?;
    Ok(())
}

/// As one word of a shell: within single quotes only the quote itself means anything.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
