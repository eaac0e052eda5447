//! Processes that start at once on one PostgreSQL database.

use super::database::Database;
use crate::store::db::PoolLimits;
use crate::store::postgres::{MIGRATION_LOCK, connect};
use crate::store::variant::Variant;
use crate::store::{Location, Store};
use std::path::Path;
use std::pin::pin;
use tokio_postgres::Client;

/// Milliseconds: what a statement may take and wait at other times.
const LIMIT: u64 = 100;

/// That the process of this name has waited for several times as long as that.
async fn waits(of: &Client, name: &str) {
    let sql = "SELECT COUNT(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE application_name = $1 \
               AND NOT granted AND clock_timestamp() - waitstart > INTERVAL '500 milliseconds'";
    while of.query_one(sql, &[&name]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_start_waits_for_another_process_that_changes_the_schema() {
    let Location::Postgres(url) = Database::Postgres.create(Path::new("")).await else { unreachable!() };
    let other = connect(&url).await.unwrap();
    other.client.execute("SELECT pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await.unwrap();
    let location = Location::Postgres(format!("{url}&application_name=the%20second"));
    let limits = PoolLimits { statement_ms: LIMIT, lock_ms: LIMIT, ..PoolLimits::default() };
    let mut starting = pin!(Store::open_limited(&location, Variant::Group, limits));
    tokio::select! {
        started = &mut starting => panic!("it did not wait: {:?}", started.err()),
        () = waits(&other.client, "the second") => {}
    }
    other.client.execute("SELECT pg_advisory_unlock($1)", &[&MIGRATION_LOCK]).await.unwrap();
    assert!(starting.await.unwrap().is_ready().await);
}
