//! Looks at the versions of orders, many in one question where the database is another process.
//!
//! Most of what is asked of the database is whether an order has changed, and a round trip costs both sides more than
//! its answer. So whoever asks while questions are on their way shares the next one, as writes share a commit. A
//! question is sent after everybody in it has asked: what was committed before that is seen.

use super::db::{Corrupt, Db, ReadError, Row, Statement, Value, statement};
use payments::ids::{OrderId, SiteId};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// How many questions are on their way at once, so that one that hangs does not hold up all others.
const UNDER_WAY: usize = 2;
/// How many looks wait at most before new ones wait for room.
const QUEUE: usize = 1_024;
/// How long a look may take in all. A question to a database that hangs takes its time before it fails, and who comes
/// behind it is not to wait for one after the other.
const WITHIN: Duration = Duration::from_secs(15);

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
        let look = Look { site, order: order.clone(), reply };
        let looking = async {
            queue.send(look).await.map_err(|_| gone())?;
            answer.await.unwrap_or_else(|_| Err(gone()))
        };
        let looked = tokio::time::timeout(WITHIN, looking).await;
        looked.unwrap_or_else(|_| Err(ReadError("the database does not answer".to_owned())))
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
        // Nothing is asked for those who have gone.
        looks.retain(|look| !look.reply.is_closed());
        if looks.is_empty() {
            continue;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Location, PoolLimits, Variant};
    use futures_util::future::join_all;

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_in_the_queue_or_for_room_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let location = Location::File(folder.path().join("kassa.db"));
        let db = Db::open(&location, Variant::Group, PoolLimits::default()).await.unwrap();
        let (queue, waiting) = mpsc::channel(2);
        let looks = Looks { db: db.clone(), queue: Some(queue) };
        let order = OrderId::parse("a").unwrap();
        let crowd = (0..3).map(|_| looks.version(SiteId(1), &order));
        let crowd = tokio::time::timeout(WITHIN * 2, join_all(crowd)).await;
        for looked in crowd.expect("somebody waits for ever") {
            assert_eq!(looked.unwrap_err().0, "the database does not answer");
        }

        // Once questions are asked again, those who have gone hold nobody up.
        tokio::spawn(ask_all(db.clone(), waiting));
        assert_eq!(looks.version(SiteId(1), &order).await.unwrap(), None);
    }
}
