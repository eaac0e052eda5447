//! PostgreSQL: two writer lanes that group what is waiting into one pipelined transaction, and pooled readers.

use super::db::{
    MIGRATION_TABLE, MIGRATIONS, QUEUE, Queued, ReadError, Row, Statement, Value, WriteError, Written,
};
use super::variant::Variant;
use anyhow::Context as _;
use bytes::BytesMut;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use futures_util::FutureExt as _;
use std::collections::HashMap;
use std::error::Error as StdError;
use std::future::Future;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::pin::Pin;
use std::str::FromStr as _;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Client, Config, NoTls};

const LANES: usize = 2;
/// How many lanes there are where every request has a transaction of its own.
const LANES_PER_REQUEST: usize = 32;
const READERS: usize = 8;
/// How long a group may take in all; the database's own limits are shorter.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often a group is tried again after the database aborted it for another transaction's sake.
const RETRIES: usize = 5;
/// Serialises migrations of nodes that start at the same time; an arbitrary number.
const MIGRATION_LOCK: i64 = 5_277_214_366;

/// An open PostgreSQL database.
#[derive(Debug)]
pub(crate) struct Postgres {
    lanes: Vec<mpsc::Sender<Queued>>,
    readers: Pool,
}

impl Postgres {
    /// Connects, migrates and starts the lanes.
    pub(crate) async fn open(url: &str, variant: Variant) -> anyhow::Result<Self> {
        let mut config = Config::from_str(url).context("reading the database URL")?;
        config.application_name("kassa").connect_timeout(Duration::from_secs(5));
        config.keepalives_idle(Duration::from_secs(30)).tcp_user_timeout(PATIENCE);
        let options = config.get_options().unwrap_or_default();
        config.options(format!("{options} -c lock_timeout=2000 -c statement_timeout=10000"));
        migrate(&config).await?;
        let manager = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config.clone(), NoTls, manager);
        let wait = Some(Duration::from_secs(5));
        let readers = Pool::builder(manager).max_size(READERS).runtime(Runtime::Tokio1);
        let readers = readers.wait_timeout(wait).create_timeout(wait).recycle_timeout(wait).build()?;
        let lanes = if variant == Variant::PerRequest { LANES_PER_REQUEST } else { LANES };
        let group_max = variant.group_max();
        let lanes = (0..lanes).map(|_| {
            let (queue, waiting) = mpsc::channel(QUEUE);
            tokio::spawn(Lane { config: config.clone(), group_max, session: None }.run(waiting));
            queue
        });
        Ok(Self { lanes: lanes.collect(), readers })
    }

    /// The lane of a key: writes of one key stay in order.
    pub(crate) fn lane(&self, key: &str) -> &mpsc::Sender<Queued> {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let count = u64::try_from(self.lanes.len()).unwrap_or(1);
        let at = usize::try_from(hasher.finish() % count).unwrap_or(0);
        self.lanes.get(at).unwrap_or_else(|| unreachable!("a remainder is below the count"))
    }

    /// Reads through the pool.
    pub(crate) async fn read(&self, statement: &Statement) -> Result<Vec<Row>, ReadError> {
        let failed = |error: &(dyn StdError + 'static)| ReadError(words(error));
        let client = self.readers.get().await.map_err(|error| failed(&error))?;
        let prepared = client.prepare_cached(statement.sql).await.map_err(|error| failed(&error))?;
        let rows = client.query(&prepared, &parameters(statement)).await.map_err(|error| failed(&error))?;
        rows.iter().map(row_of).collect::<Result<_, _>>().map_err(|error| failed(&error))
    }
}

/// An error with its causes, in one line. Of what the server says only the message: its details may hold values.
fn words(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let part = match error.downcast_ref::<DbError>() {
            Some(said) => format!("{} ({})", said.message(), said.code().code()),
            None => error.to_string(),
        };
        let separator = if text.is_empty() { "" } else { ": " };
        text = format!("{text}{separator}{part}");
        next = error.source();
    }
    text.replace('\n', " ")
}

async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(error = %words(&error), "a database connection ended");
        }
    });
    Ok(client)
}

async fn migrate(config: &Config) -> anyhow::Result<()> {
    let connected = connect(config).await.map_err(|error| anyhow::anyhow!(words(&error)));
    let mut client = connected.context("connecting to the database")?;
    let run = async {
        let tx = client.transaction().await?;
        tx.execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK]).await?;
        tx.batch_execute(MIGRATION_TABLE).await?;
        let newest =
            tx.query_one("SELECT COALESCE(MAX(version), 0)::BIGINT FROM schema_migration", &[]).await?;
        let newest: i64 = newest.get(0);
        for migration in MIGRATIONS.iter().filter(|migration| migration.version > newest) {
            tx.batch_execute(migration.sql).await?;
            let sql = "INSERT INTO schema_migration (version, name) VALUES ($1, $2)";
            tx.execute(sql, &[&migration.version, &migration.name]).await?;
        }
        tx.commit().await
    };
    let migrated: Result<(), tokio_postgres::Error> = run.await;
    migrated.map_err(|error| anyhow::anyhow!(words(&error))).context("migrating the database")
}

/// SQLite has one writer and locks no rows; its text carries what this engine needs as a comment.
fn dialect(sql: &str) -> String {
    sql.replace("/* FOR UPDATE SKIP LOCKED */", "FOR UPDATE SKIP LOCKED")
}

fn parameters(statement: &Statement) -> Vec<&(dyn ToSql + Sync)> {
    statement.params.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn row_of(row: &tokio_postgres::Row) -> Result<Row, tokio_postgres::Error> {
    let values = row.columns().iter().enumerate().map(|(at, column)| {
        Ok(match *column.type_() {
            Type::INT8 => row.try_get::<_, Option<i64>>(at)?.into(),
            Type::INT4 => row.try_get::<_, Option<i32>>(at)?.map(i64::from).into(),
            Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(at)?.into(),
            _ => row.try_get::<_, Option<String>>(at)?.into(),
        })
    });
    Ok(Row(values.collect::<Result<_, _>>()?))
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) if *ty == Type::INT4 => i32::try_from(*value)?.to_sql(ty, out),
            Self::Int(value) => value.to_sql(ty, out),
            Self::Text(value) => value.to_sql(ty, out),
            Self::Blob(value) => value.to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A writer with its connection, made anew when it was lost.
struct Lane {
    config: Config,
    /// How many writes share one commit at most.
    group_max: usize,
    session: Option<Session>,
}

struct Session {
    client: Client,
    prepared: HashMap<&'static str, tokio_postgres::Statement>,
}

/// How a group ended.
enum Failure {
    /// Nothing of it happened; with `contention` it may work when tried again.
    Aborted { why: String, contention: bool },
    /// Nothing of it happened: something that may be there once is there already.
    Taken,
    /// Nothing of it happened, and trying its writes one by one would not work either.
    Unreachable(String),
    /// The commit was sent and its answer never came.
    Lost(String),
}

impl Failure {
    fn aborted(error: &tokio_postgres::Error) -> Self {
        let code = error.code();
        if code == Some(&SqlState::UNIQUE_VIOLATION) {
            return Self::Taken;
        }
        let contention = code == Some(&SqlState::T_R_SERIALIZATION_FAILURE)
            || code == Some(&SqlState::T_R_DEADLOCK_DETECTED);
        Self::Aborted { why: words(error), contention }
    }

    /// While the commit was under way: a server that says no has rolled back, unless what it says is that it,
    /// or a proxy before it, does not know.
    fn during_commit(error: &tokio_postgres::Error) -> Self {
        let unsure = |code: &SqlState| {
            let code = code.code();
            code == "40003" || ["08", "57P", "58"].iter().any(|class| code.starts_with(class))
        };
        match error.code() {
            Some(code) if !unsure(code) => Self::aborted(error),
            Some(_) | None => Self::Lost(words(error)),
        }
    }
}

type Answer = Result<Vec<tokio_postgres::Row>, tokio_postgres::Error>;
type Flight<'a> = Pin<Box<dyn Future<Output = Result<(Vec<Row>, u64), tokio_postgres::Error>> + Send + 'a>>;

impl Lane {
    async fn run(mut self, mut waiting: mpsc::Receiver<Queued>) {
        while let Some(first) = waiting.recv().await {
            let mut group = vec![first];
            while group.len() < self.group_max {
                let Ok(next) = waiting.try_recv() else { break };
                group.push(next);
            }
            // Every node locks orders in the same order, so that two groups seldom wait for each other.
            group.sort_by(|left, right| left.write.key.cmp(&right.write.key));
            self.commit(group).await;
        }
    }

    async fn commit(&mut self, group: Vec<Queued>) {
        let mut ended = self.try_commit(&group).await;
        for _ in 0..RETRIES {
            if !matches!(&ended, Err(Failure::Aborted { contention: true, .. })) {
                break;
            }
            ended = self.try_commit(&group).await;
        }
        let error = match ended {
            Ok(answers) => {
                for (queued, answer) in group.into_iter().zip(answers) {
                    let _ = queued.reply.send(answer);
                }
                return;
            }
            Err(Failure::Aborted { .. } | Failure::Taken) if group.len() > 1 => {
                for queued in group {
                    Box::pin(self.commit(vec![queued])).await;
                }
                return;
            }
            Err(Failure::Taken) => WriteError::Stale,
            Err(Failure::Lost(why)) => WriteError::Unknown(why),
            Err(Failure::Aborted { why, .. } | Failure::Unreachable(why)) => WriteError::Failed(why),
        };
        for queued in group {
            let _ = queued.reply.send(Err(error.clone()));
        }
    }

    async fn try_commit(&mut self, group: &[Queued]) -> Result<Vec<Written>, Failure> {
        if self.session.as_ref().is_none_or(|session| session.client.is_closed()) {
            let connected = connect(&self.config).await;
            let client = connected.map_err(|error| Failure::Unreachable(words(&error)))?;
            self.session = Some(Session { client, prepared: HashMap::new() });
        }
        let Some(session) = &mut self.session else {
            unreachable!("connected above");
        };
        let ended = session.try_commit(group).await;
        if ended.is_err() {
            // Whatever state the connection is in, a new one is in none; the server rolls back what is open.
            self.session = None;
        }
        ended
    }
}

impl Session {
    /// Two round trips: the guards decide, then what follows from them goes out together with the COMMIT.
    async fn try_commit(&mut self, group: &[Queued]) -> Result<Vec<Written>, Failure> {
        let decided = tokio::time::timeout(PATIENCE, async {
            self.prepare(group).await.map_err(|error| Failure::aborted(&error))?;
            let mut firsts = vec![self.batch("BEGIN")];
            firsts.extend(group.iter().map(|queued| self.flight(&queued.write.first)));
            in_order(firsts).await.map_err(|(error, _)| Failure::aborted(&error))
        });
        let silent = || "the database does not answer".to_owned();
        let guards = decided.await.unwrap_or_else(|_| Err(Failure::Unreachable(silent())))?;
        let mut answers: Vec<Written> = Vec::with_capacity(group.len());
        let mut rest = Vec::new();
        for (queued, (rows, touched)) in group.iter().zip(guards.into_iter().skip(1)) {
            if queued.write.guarded && touched == 0 {
                answers.push(Err(WriteError::Stale));
                continue;
            }
            answers.push(Ok(rows));
            rest.extend(queued.write.rest.iter().map(|statement| self.flight(statement)));
        }
        rest.push(self.batch("COMMIT"));
        match tokio::time::timeout(PATIENCE, in_order(rest)).await {
            Ok(Ok(_)) => Ok(answers),
            Ok(Err((error, Sent::Everything))) => Err(Failure::during_commit(&error)),
            Ok(Err((error, Sent::NotTheLast))) => Err(Failure::aborted(&error)),
            Err(_) => Err(Failure::Lost(silent())),
        }
    }

    async fn prepare(&mut self, group: &[Queued]) -> Result<(), tokio_postgres::Error> {
        for Queued { write, .. } in group {
            for sql in
                std::iter::once(write.first.sql).chain(write.rest.iter().map(|statement| statement.sql))
            {
                if !self.prepared.contains_key(sql) {
                    let prepared = self.client.prepare(&dialect(sql)).await?;
                    self.prepared.insert(sql, prepared);
                }
            }
        }
        Ok(())
    }

    fn flight<'a>(&'a self, statement: &'a Statement) -> Flight<'a> {
        Box::pin(async move {
            let Some(prepared) = self.prepared.get(statement.sql) else {
                unreachable!("every statement of the group was prepared");
            };
            let params = parameters(statement);
            if prepared.columns().is_empty() {
                return Ok((Vec::new(), self.client.execute(prepared, &params).await?));
            }
            let answer: Answer = self.client.query(prepared, &params).await;
            let rows = answer?.iter().map(row_of).collect::<Result<Vec<_>, _>>()?;
            let touched = u64::try_from(rows.len()).unwrap_or(u64::MAX);
            Ok((rows, touched))
        })
    }

    fn batch<'a>(&'a self, sql: &'static str) -> Flight<'a> {
        Box::pin(async move {
            self.client.batch_execute(sql).await?;
            Ok((Vec::new(), 0))
        })
    }
}

/// Whether the last request of a flight, the COMMIT, was sent.
enum Sent {
    Everything,
    NotTheLast,
}

/// Sends every request before awaiting the first answer. Each future is polled once in order, which is what
/// sends it: a join would poll in an order of its own, and a COMMIT could overtake its rows. A request that
/// cannot be sent keeps those after it from being sent.
async fn in_order(flights: Vec<Flight<'_>>) -> Result<Vec<(Vec<Row>, u64)>, (tokio_postgres::Error, Sent)> {
    let mut pending = Vec::new();
    for flight in flights {
        let mut flight = flight.fuse();
        match (&mut flight).now_or_never() {
            Some(Err(error)) => return Err((error, Sent::NotTheLast)),
            early => pending.push((flight, early)),
        }
    }
    let mut answers = Vec::with_capacity(pending.len());
    let mut failure = None;
    for (flight, early) in pending {
        let answer = match early {
            Some(answer) => answer,
            None => flight.await,
        };
        match answer {
            Ok(answer) => answers.push(answer),
            // The first error tells why; those after it only say that the transaction is aborted.
            Err(error) => {
                failure.get_or_insert(error);
            }
        }
    }
    failure.map_or(Ok(answers), |error| Err((error, Sent::Everything)))
}
