//! A writer: groups what is waiting into one pipelined transaction, and sees it through a lost connection.
//!
//! A group that was not committed is tried again on another connection, to another server after a failover, until the
//! outage has lasted too long. Of a group whose commit was sent and never answered it is first found out whether it
//! happened; nothing is done twice, and nothing is called lost or done that may not be.

use super::super::db::{Queued, Row, Statement, WriteError, Written};
use super::failure::{Failure, Outage, PAUSE, is_gone};
use super::rows::{dialect, parameters, row_of};
use super::server::{Servers, Wire, words};
use super::together::{self, Many};
use super::witness::Witness;
use crate::metrics::{self, Stage};
use futures_util::FutureExt as _;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;

/// How much longer than the database's own limit each half of a group may take.
const ANSWER: Duration = Duration::from_secs(5);
/// How often a group is tried again after the database aborted it for another transaction's sake.
const RETRIES: usize = 5;

type Answer = Result<Vec<tokio_postgres::Row>, tokio_postgres::Error>;
type Flight<'a> = Pin<Box<dyn Future<Output = Result<(Vec<Row>, u64), tokio_postgres::Error>> + Send + 'a>>;

/// A writer with its connection, made anew when it was lost.
pub(super) struct Lane {
    servers: Servers,
    /// How many writes share one commit at most.
    group_max: usize,
    session: Option<Session>,
    witness: Witness,
    outage: Outage,
    /// How long each half of a group may take.
    patience: Duration,
}

struct Session {
    wire: Wire,
    prepared: HashMap<&'static str, tokio_postgres::Statement>,
    /// The same for as many rows as there are, where a text has such a form.
    many: HashMap<&'static str, Many>,
}

/// Whether a commit happened whose answer was lost.
enum Found {
    Committed,
    Aborted,
    /// It could not be found out in time.
    Nothing(String),
}

impl Lane {
    pub(super) fn new(servers: Servers, group_max: usize, statement: Duration, name: String) -> Self {
        let (witness, outage) = (Witness::new(name), Outage::default());
        let patience = statement.saturating_add(ANSWER);
        Self { servers, group_max, session: None, witness, outage, patience }
    }

    pub(super) async fn run(mut self, mut waiting: mpsc::Receiver<Queued>) {
        while let Some(first) = waiting.recv().await {
            let mut group = vec![first];
            while group.len() < self.group_max {
                let Ok(next) = waiting.try_recv() else { break };
                group.push(next);
            }
            metrics::grouped(group.len());
            group.iter().take(1).for_each(|oldest| metrics::took_since(Stage::StoreQueue, oldest.since));
            // Every node locks orders in the same order, so that two groups seldom wait for each other.
            group.sort_by(|left, right| left.write.key.cmp(&right.write.key));
            self.commit(group).await;
        }
    }

    async fn commit(&mut self, group: Vec<Queued>) {
        let mut contended = 0;
        let mut is_retry = false;
        let error = loop {
            if std::mem::replace(&mut is_retry, true) {
                metrics::retried();
            }
            match self.try_commit(&group).await {
                Ok(answers) => return answer(group, answers),
                Err(Failure::Contended(_)) if contended < RETRIES => contended += 1,
                Err(Failure::Aborted(_) | Failure::Contended(_) | Failure::Taken) if group.len() > 1 => {
                    for queued in group {
                        Box::pin(self.commit(vec![queued])).await;
                    }
                    return;
                }
                Err(Failure::Taken) => break WriteError::Stale,
                Err(Failure::Aborted(why) | Failure::Contended(why)) => break WriteError::Failed(why),
                Err(Failure::Unreachable(why)) => {
                    if !self.outage.may_wait() {
                        break WriteError::Failed(why);
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                Err(Failure::Lost { why, answers }) => match self.find_out().await {
                    Found::Committed => {
                        tracing::info!(writes = group.len(), "a commit whose answer was lost had happened");
                        return answer(group, answers);
                    }
                    Found::Aborted if self.outage.may_wait() => {
                        tracing::info!(writes = group.len(), "a commit whose answer was lost is tried again");
                    }
                    Found::Aborted => break WriteError::Failed(why),
                    Found::Nothing(later) => break WriteError::Unknown(format!("{why}; {later}")),
                },
            }
        };
        for queued in group {
            let _ = queued.reply.send(Err(error.clone()));
        }
    }

    async fn try_commit(&mut self, group: &[Queued]) -> Result<Vec<Written>, Failure> {
        let Self { servers, session, witness, outage, patience, .. } = self;
        let ended = match connected(servers, session).await {
            Ok(session) => session.try_commit(group, witness, *patience).await,
            Err(why) => Err(Failure::Unreachable(why)),
        };
        if ended.is_err() {
            // Whatever state the connection is in, a new one is in none; the server rolls back what is open.
            *session = None;
        }
        if !matches!(ended, Err(Failure::Unreachable(_) | Failure::Lost { .. })) {
            outage.end();
        }
        ended
    }

    /// Asks once; an error comes with whether to ask again.
    async fn look(&mut self) -> Result<bool, (String, bool)> {
        let session = connected(&self.servers, &mut self.session).await.map_err(|why| (why, true))?;
        self.witness.look(&session.wire.client).await.map_err(|error| {
            // Somebody may still be at it: the server has not noticed yet that we are gone.
            let waits = error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE);
            (words(&error), waits || is_gone(&error))
        })
    }

    /// Asks until there is an answer or no patience left.
    async fn find_out(&mut self) -> Found {
        let began = Instant::now();
        // What comes next does not wait for the same outage again.
        self.outage.may_wait();
        let mut why = "no database server answers".to_owned();
        while let Some(left) = Outage::limit().checked_sub(began.elapsed()) {
            let looked = tokio::time::timeout(left, self.look()).await;
            let warned = self.session.as_ref().is_some_and(|session| session.wire.was_warned());
            match looked {
                Ok(Ok(happened)) if !warned => {
                    return if happened { Found::Committed } else { Found::Aborted };
                }
                // Found, and not replicated.
                Ok(Ok(_)) => {}
                Ok(Err((said, again))) => {
                    self.session = None;
                    why = said;
                    if !again {
                        break;
                    }
                }
                Err(_) => self.session = None,
            }
            tokio::time::sleep(PAUSE).await;
        }
        Found::Nothing(why)
    }
}

/// What has to be prepared for a group.
fn texts(group: &[Queued], own: [Option<&Statement>; 2]) -> Vec<&'static str> {
    let theirs =
        group.iter().flat_map(|queued| std::iter::once(&queued.write.first).chain(&queued.write.rest));
    own.into_iter().flatten().chain(theirs).map(|statement| statement.sql).collect()
}

fn answer(group: Vec<Queued>, answers: Vec<Written>) {
    for (queued, answer) in group.into_iter().zip(answers) {
        // Whoever asked may have gone; the write stands all the same.
        let _ = queued.reply.send(answer);
    }
}

async fn connected<'a>(
    servers: &Servers,
    session: &'a mut Option<Session>,
) -> Result<&'a mut Session, String> {
    if session.as_ref().is_none_or(|session| session.wire.client.is_closed()) {
        *session = None;
        let wire = servers.connect().await?;
        *session = Some(Session { wire, prepared: HashMap::new(), many: HashMap::new() });
    }
    let Some(session) = session else { unreachable!("connected above") };
    Ok(session)
}

impl Session {
    /// Two round trips: the guards decide, then what follows from them goes out together with the COMMIT.
    async fn try_commit(
        &mut self,
        group: &[Queued],
        witness: &mut Witness,
        patience: Duration,
    ) -> Result<Vec<Written>, Failure> {
        let began = Instant::now();
        let (leave, forget) = (witness.next(), witness.forget());
        let texts = texts(group, [Some(&leave), forget.as_ref()]);
        let decided = tokio::time::timeout(patience, async {
            self.prepare(texts).await.map_err(|error| Failure::before_commit(&error))?;
            let together = self.together(group);
            let mut firsts = vec![self.batch("BEGIN"), self.flight(&leave)];
            firsts.extend(self.guards(group, &together));
            let guards = in_order(firsts).await.map_err(|(error, _)| Failure::before_commit(&error))?;
            Ok((together, guards))
        });
        let silent = || "the database does not answer".to_owned();
        let (together, mut guards) = decided.await.unwrap_or_else(|_| Err(Failure::Unreachable(silent())))?;
        let guards = self.verdicts(group, &together, guards.split_off(2));
        let mut answers: Vec<Written> = Vec::with_capacity(group.len());
        let (mut rest, mut alike) = (Vec::new(), Vec::new());
        for (at, (queued, (rows, touched))) in group.iter().zip(guards).enumerate() {
            if queued.write.guarded && touched == 0 {
                answers.push(Err(WriteError::Stale));
                continue;
            }
            answers.push(Ok(rows));
            if together.binary_search(&at).is_ok() {
                alike.push(&queued.write.rest);
            } else {
                rest.extend(queued.write.rest.iter().map(|statement| self.flight(statement)));
            }
        }
        let kinds = alike.first().map_or(0, |rest| rest.len());
        rest.extend((0..kinds).map(|kind| {
            let rows: Vec<&Statement> = alike.iter().filter_map(|rest| rest.get(kind)).collect();
            self.flight_of_many(&rows)
        }));
        rest.extend(forget.as_ref().map(|forget| self.flight(forget)));
        rest.push(self.batch("COMMIT"));
        let decided = Instant::now();
        metrics::took(Stage::StoreStatements, decided - began);
        // What the server says from here on is about this commit.
        self.wire.was_warned();
        match tokio::time::timeout(patience, in_order(rest)).await {
            Ok(Ok(_)) if self.wire.was_warned() => {
                // It may be on this server alone: somebody ended the wait for the standby.
                Err(Failure::Lost { why: "the database warned of the commit".to_owned(), answers })
            }
            Ok(Ok(_)) => {
                metrics::took_since(Stage::StoreCommit, decided);
                if forget.is_some() {
                    witness.forgot();
                }
                Ok(answers)
            }
            Ok(Err((error, Sent::Everything))) => Err(Failure::during_commit(&error, answers)),
            Ok(Err((error, Sent::NotTheLast))) => Err(Failure::before_commit(&error)),
            Err(_) => Err(Failure::Lost { why: silent(), answers }),
        }
    }

    /// Which of the group are done together.
    fn together(&self, group: &[Queued]) -> Vec<usize> {
        let is_many = |sql| self.many.contains_key(sql);
        let decides = |sql| self.many.get(sql).is_some_and(Many::decides);
        together::alike(group, is_many, decides)
    }

    /// The statements that decide: one for all that are done together, then one for each of the others.
    fn guards<'a>(&'a self, group: &'a [Queued], together: &[usize]) -> Vec<Flight<'a>> {
        let rows: Vec<&Statement> =
            together.iter().filter_map(|at| group.get(*at)).map(|queued| &queued.write.first).collect();
        let mut guards = if rows.is_empty() { Vec::new() } else { vec![self.flight_of_many(&rows)] };
        let others = group.iter().enumerate().filter(|(at, _)| together.binary_search(at).is_err());
        guards.extend(others.map(|(_, queued)| self.flight(&queued.write.first)));
        guards
    }

    /// What they decided, for each write of the group.
    fn verdicts(
        &self,
        group: &[Queued],
        together: &[usize],
        guards: Vec<(Vec<Row>, u64)>,
    ) -> Vec<(Vec<Row>, u64)> {
        let mut guards = guards.into_iter();
        let rows: Vec<&Statement> =
            together.iter().filter_map(|at| group.get(*at)).map(|queued| &queued.write.first).collect();
        let many = rows.first().and_then(|first| self.many.get(first.sql));
        let answered =
            many.and_then(|many| guards.next().map(|(answered, _)| many.inserted(&rows, answered)));
        let mut inserted = answered.unwrap_or_default().into_iter();
        let verdict = |at| match together.binary_search(&at).is_ok() {
            true => (Vec::new(), u64::from(inserted.next().unwrap_or(false))),
            false => guards.next().unwrap_or_default(),
        };
        (0..group.len()).map(verdict).collect()
    }

    async fn prepare(&mut self, texts: Vec<&'static str>) -> Result<(), tokio_postgres::Error> {
        for sql in texts {
            if !self.prepared.contains_key(sql) {
                let prepared = self.wire.client.prepare(&dialect(sql)).await?;
                if let Some(many) = Many::of(&self.wire.client, sql, &prepared).await? {
                    self.many.insert(sql, many);
                }
                self.prepared.insert(sql, prepared);
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
                return Ok((Vec::new(), self.wire.client.execute(prepared, &params).await?));
            }
            let answer: Answer = self.wire.client.query(prepared, &params).await;
            let rows = answer?.iter().map(row_of).collect::<Result<Vec<_>, _>>()?;
            let touched = u64::try_from(rows.len()).unwrap_or(u64::MAX);
            Ok((rows, touched))
        })
    }

    /// Inserts all these rows, whose texts are the same.
    fn flight_of_many<'a>(&'a self, rows: &[&Statement]) -> Flight<'a> {
        let many = rows.first().and_then(|first| self.many.get(first.sql));
        let Some(many) = many else { unreachable!("only what has a form for many is done together") };
        let arrays = many.arrays(rows);
        Box::pin(async move {
            let params: Vec<&(dyn ToSql + Sync)> =
                arrays.iter().map(|array| &**array as &(dyn ToSql + Sync)).collect();
            if !many.decides() {
                return Ok((Vec::new(), self.wire.client.execute(&many.prepared, &params).await?));
            }
            let answer = self.wire.client.query(&many.prepared, &params).await?;
            let rows = answer.iter().map(row_of).collect::<Result<Vec<_>, _>>()?;
            Ok((rows, 0))
        })
    }

    fn batch<'a>(&'a self, sql: &'static str) -> Flight<'a> {
        Box::pin(async move {
            self.wire.client.batch_execute(sql).await?;
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
