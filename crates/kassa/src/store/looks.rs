//! Looks at the versions of orders, many in one question where the database is another process.
//!
//! Most of what is asked of the database is whether an order has changed, and a round trip costs both sides more than
//! its answer. So whoever asks while questions are on their way shares the next one, as writes share a commit. A
//! question is sent after everybody in it has asked: what was committed before that is seen.

use super::db::{Corrupt, Db, ReadError, Row, Statement, Value, statement};
use payments::ids::{OrderId, SiteId};
use std::sync::{Arc, LazyLock};
use tokio::sync::{Semaphore, mpsc, oneshot};

/// How many questions are on their way at once, so that one that hangs does not hold up all others.
const UNDER_WAY: usize = 2;
/// How many looks wait at most before new ones wait for room.
const QUEUE: usize = 1_024;

/// One look.
const ONE: &str = "SELECT version FROM shop_order WHERE site_id = $1 AND order_id = $2";
/// How many looks share a question when there are some, and at most: a question has as many places whoever is in it.
const SOME: usize = 8;
const MOST: usize = 32;
static FOR_SOME: LazyLock<String> = LazyLock::new(|| together(SOME));
static FOR_MOST: LazyLock<String> = LazyLock::new(|| together(MOST));

/// Each look by itself, so that the plan is that of one look whatever is known of the table.
fn together(looks: usize) -> String {
    let look = |at: usize| {
        format!(
            "(SELECT version FROM shop_order WHERE site_id = ${} AND order_id = ${})",
            2 * at + 1,
            2 * at + 2
        )
    };
    let looks: Vec<String> = (0..looks).map(look).collect();
    format!("SELECT {}", looks.join(", "))
}

/// Where looks are asked for. Clones share their questions.
#[derive(Clone, Debug)]
pub(super) struct Looks {
    db: Db,
    /// `None` where a read is no round trip.
    queue: Option<mpsc::Sender<Look>>,
}

#[derive(Debug)]
struct Look {
    site: SiteId,
    order: OrderId,
    reply: oneshot::Sender<Result<Option<i64>, ReadError>>,
}

impl Looks {
    /// Needs a runtime where the database is another process.
    pub(super) fn at(db: &Db) -> Self {
        let queue = db.is_remote().then(|| {
            let (queue, waiting) = mpsc::channel(QUEUE);
            tokio::spawn(ask_all(db.clone(), waiting));
            queue
        });
        Self { db: db.clone(), queue }
    }

    /// The version that the order is in; `None` when there is no such order.
    pub(super) async fn version(&self, site: SiteId, order: &OrderId) -> Result<Option<i64>, ReadError> {
        let Some(queue) = &self.queue else { return one(&self.db, site, order).await };
        let (reply, answer) = oneshot::channel();
        let gone = || ReadError("nobody looks any more".to_owned());
        queue.send(Look { site, order: order.clone(), reply }).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

async fn one(db: &Db, site: SiteId, order: &OrderId) -> Result<Option<i64>, ReadError> {
    let rows = db.read(statement(ONE, [site.0.into(), order.as_str().into()])).await?;
    Ok(rows.into_iter().next().map(|row| row.columns().int()).transpose()?)
}

/// Asks until nobody can look any more.
async fn ask_all(db: Db, mut waiting: mpsc::Receiver<Look>) {
    let under_way = Arc::new(Semaphore::new(UNDER_WAY));
    while let Ok(permit) = Arc::clone(&under_way).acquire_owned().await {
        let mut looks = Vec::new();
        if waiting.recv_many(&mut looks, MOST).await == 0 {
            return;
        }
        let db = db.clone();
        tokio::spawn(async move {
            ask(&db, looks).await;
            drop(permit);
        });
    }
}

async fn ask(db: &Db, looks: Vec<Look>) {
    let versions = match looks.as_slice() {
        [look] => one(db, look.site, &look.order).await.map(|version| vec![version]),
        looks => several(db, looks).await,
    };
    match versions {
        Ok(versions) => {
            for (look, version) in looks.into_iter().zip(versions) {
                // Whoever asked may have gone.
                let _ = look.reply.send(Ok(version));
            }
        }
        Err(ReadError(why)) => {
            for look in looks {
                let _ = look.reply.send(Err(ReadError(why.clone())));
            }
        }
    }
}

async fn several(db: &Db, looks: &[Look]) -> Result<Vec<Option<i64>>, ReadError> {
    let (sql, places) =
        if looks.len() <= SOME { (FOR_SOME.as_str(), SOME) } else { (FOR_MOST.as_str(), MOST) };
    // The places that are left look at the last one again.
    let padded = looks.iter().chain(looks.last().into_iter().cycle()).take(places);
    let params = padded.flat_map(|look| [Value::from(look.site.0), look.order.as_str().into()]).collect();
    let row = db.read(Statement { sql, params }).await?.into_iter().next();
    let mut columns = row.map(Row::columns).ok_or_else(|| Corrupt("a look without an answer".to_owned()))?;
    Ok(looks.iter().map(|_| columns.optional_int()).collect::<Result<_, _>>()?)
}
