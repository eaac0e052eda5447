//! PostgreSQL: a few writer lanes that group what is waiting into one pipelined transaction, and pooled readers.

mod failure;
mod lane;
mod rows;
mod server;
mod tls;
mod together;
mod witness;

use super::db::{Key, MIGRATION_TABLE, MIGRATIONS, PoolLimits, QUEUE, Queued, ReadError, Row, Statement};
use super::variant::Variant;
use anyhow::{Context as _, anyhow};
use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime};
use failure::{Outage, PAUSE, is_gone};
use lane::Lane;
use rows::{dialect, parameters};
use server::Servers;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;
use tokio::sync::mpsc;

pub(super) use rows::row_of;
pub(crate) use server::Address;
pub(super) use server::{Wire, words};

/// How many lanes there are where every request has a transaction of its own.
const LANES_PER_REQUEST: usize = 32;
/// How much longer than the database's own limit a read may take.
const READ_ANSWER: Duration = Duration::from_secs(2);
/// Serialises migrations of nodes that start at the same time; an arbitrary number.
pub(super) const MIGRATION_LOCK: i64 = 5_277_214_366;

/// Changing large tables takes its time, and so does waiting for another process that does: the server ends one that
/// hangs. Only a table that somebody uses is not waited for longer than usual, for everybody else would wait behind us.
const UNHURRIED: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0";

/// An open PostgreSQL database.
#[derive(Debug)]
pub(crate) struct Postgres {
    /// For orders.
    lanes: Vec<mpsc::Sender<Queued>>,
    /// For everything else.
    other: mpsc::Sender<Queued>,
    readers: Pool,
    read_within: Duration,
    outage: Outage,
}

/// Why a read did not work.
struct NotRead {
    why: String,
    /// It may work on another connection.
    gone: bool,
}

impl NotRead {
    fn of(error: &tokio_postgres::Error) -> Self {
        Self { why: words(error), gone: is_gone(error) }
    }
}

impl Postgres {
    /// Connects, migrates and starts the lanes.
    pub(crate) async fn open(url: &str, variant: Variant, limits: PoolLimits) -> anyhow::Result<Self> {
        let servers = Servers::new(url, limits)?;
        let name = migrate(&servers).await?;
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_connect(servers.some_host(), servers.clone(), manager);
        let wait = Some(Duration::from_secs(5));
        let readers = Pool::builder(manager).max_size(limits.readers).runtime(Runtime::Tokio1);
        let statement = Duration::from_millis(limits.statement_ms);
        let readers = readers.wait_timeout(wait).create_timeout(wait).recycle_timeout(wait).build()?;
        let lanes = if variant == Variant::PerRequest { LANES_PER_REQUEST } else { limits.lanes };
        let lane = |name: String| {
            let (queue, waiting) = mpsc::channel(QUEUE);
            let lane = Lane::new(servers.clone(), variant.group_max(), statement, name);
            tokio::spawn(lane.run(waiting));
            queue
        };
        let other = lane(format!("{name}/other"));
        let lanes = (0..lanes).map(|number| lane(format!("{name}/{number}"))).collect();
        let read_within = statement.saturating_add(READ_ANSWER);
        Ok(Self { lanes, other, readers, read_within, outage: Outage::default() })
    }

    /// The lane of a key: writes of one key stay in order.
    pub(crate) fn lane(&self, key: &Key) -> &mpsc::Sender<Queued> {
        let Key::Order(key) = key else { return &self.other };
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let count = u64::try_from(self.lanes.len()).unwrap_or(1);
        let at = usize::try_from(hasher.finish() % count).unwrap_or(0);
        self.lanes.get(at).unwrap_or_else(|| unreachable!("a remainder is below the count"))
    }

    /// How many writes wait for a lane.
    pub(crate) fn queued(&self) -> usize {
        let lanes = self.lanes.iter().chain([&self.other]);
        lanes.map(|lane| lane.max_capacity() - lane.capacity()).sum()
    }

    /// Reads through the pool, and waits for a failover to end.
    pub(crate) async fn read(&self, statement: &Statement) -> Result<Vec<Row>, ReadError> {
        loop {
            let read = self.try_read(statement).await;
            match read {
                Err(NotRead { gone: true, .. }) if self.outage.may_wait() => tokio::time::sleep(PAUSE).await,
                Err(NotRead { gone: true, why }) => return Err(ReadError(why)),
                answered => {
                    self.outage.end();
                    return answered.map_err(|failed| ReadError(failed.why));
                }
            }
        }
    }

    /// Whether the database answers now.
    pub(crate) async fn answers(&self, statement: &Statement) -> bool {
        self.try_read(statement).await.is_ok()
    }

    async fn try_read(&self, statement: &Statement) -> Result<Vec<Row>, NotRead> {
        let client = self.readers.get().await.map_err(|error| match &error {
            PoolError::Backend(cause) => NotRead::of(cause),
            PoolError::Timeout(_) => NotRead { why: words(&error), gone: true },
            _ => NotRead { why: words(&error), gone: false },
        })?;
        let reading = async {
            let prepared = client.prepare_cached(&dialect(statement.sql)).await?;
            let rows = client.query(&prepared, &parameters(statement)).await?;
            rows.iter().map(row_of).collect()
        };
        match tokio::time::timeout(self.read_within, reading).await {
            Ok(Ok(rows)) => Ok(rows),
            Ok(Err(error)) => {
                let failed = NotRead::of(&error);
                if failed.gone {
                    drop(Object::take(client));
                }
                Err(failed)
            }
            Err(_) => {
                drop(Object::take(client));
                Err(NotRead { why: "the database does not answer".to_owned(), gone: true })
            }
        }
    }
}

/// A connection of its own, for what is no request.
pub(super) async fn connect(url: &str) -> anyhow::Result<Wire> {
    let connected = Servers::new(url, PoolLimits::default())?.connect().await;
    connected.map_err(|why| anyhow!(why)).context("connecting to the database")
}

/// Brings the schema up to date; answers a name for the lanes of this process, which nobody else has.
async fn migrate(servers: &Servers) -> anyhow::Result<String> {
    let connected = servers.connect().await.map_err(|why| anyhow!(why));
    let mut wire = connected.context("connecting to the database")?;
    let run = async {
        let tx = wire.client.transaction().await?;
        tx.batch_execute(UNHURRIED).await?;
        tx.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await?;
        tx.batch_execute("SET LOCAL lock_timeout TO DEFAULT").await?;
        tx.batch_execute(MIGRATION_TABLE).await?;
        let newest =
            tx.query_one("SELECT COALESCE(MAX(version), 0)::BIGINT FROM schema_migration", &[]).await?;
        let newest: i64 = newest.get(0);
        for migration in MIGRATIONS.iter().filter(|migration| migration.version > newest) {
            tx.batch_execute(migration.sql).await?;
            let sql = "INSERT INTO schema_migration (version, name) VALUES ($1, $2)";
            tx.execute(sql, &[&migration.version, &migration.name]).await?;
        }
        tx.batch_execute(witness::TABLE).await?;
        tx.execute(witness::TIDY, &[]).await?;
        let name = tx.query_one(witness::NAME, &[]).await?.try_get(0)?;
        tx.commit().await?;
        Ok(name)
    };
    let migrated: Result<String, tokio_postgres::Error> = run.await;
    migrated.map_err(|error| anyhow!(words(&error))).context("migrating the database")
}
