//! Looking into the database behind the gateway's back, and arranging there what the API cannot yet.

use super::Gateway;
use kassa::store::Location;
use rusqlite::types::ValueRef;
use std::path::Path;
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// Runs one statement on a database and answers its rows as text; NULL is empty.
pub(super) async fn rows(location: &Location, sql: &str) -> Vec<Vec<String>> {
    match location {
        Location::File(path) => {
            let connection = open(path);
            let mut statement = connection.prepare(sql).unwrap();
            let width = statement.column_count();
            let rows = statement.query_map([], |row| {
                (0..width).map(|column| Ok(text(row.get_ref(column)?))).collect::<Result<Vec<_>, _>>()
            });
            rows.unwrap().map(Result::unwrap).collect()
        }
        Location::Postgres(url) => {
            let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
            let talking = tokio::spawn(connection);
            let messages = client.simple_query(sql).await.unwrap();
            drop(client);
            talking.await.unwrap().unwrap();
            let rows = messages.into_iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row),
                _ => None,
            });
            let column = |row: &tokio_postgres::SimpleQueryRow, at| row.get(at).unwrap_or("").to_owned();
            rows.map(|row| (0..row.len()).map(|at| column(&row, at)).collect()).collect()
        }
    }
}

/// A connection to an embedded database.
pub(super) fn open(path: &Path) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    connection
}

impl Gateway {
    /// Runs one statement and answers its rows as text; NULL is empty. What it changed counts at once.
    pub(crate) async fn sql(&self, sql: &str) -> Vec<Vec<String>> {
        let rows = rows(&self.location, sql).await;
        self.app.forget_callers();
        rows
    }

    /// A connection to the embedded database.
    pub(crate) fn sqlite(&self) -> rusqlite::Connection {
        let Location::File(path) = &self.location else { panic!("this database is not embedded") };
        open(path)
    }

    /// The one number that a query answers.
    pub(crate) async fn count(&self, sql: &str) -> i64 {
        self.sql(sql).await[0][0].parse().unwrap()
    }

    /// Everything that the embedded database has written to its files.
    pub(crate) fn written(&self) -> String {
        let Location::File(path) = &self.location else { panic!("this database is not embedded") };
        let files = ["", "-wal"].map(|end| std::fs::read(format!("{}{end}", path.display())));
        let read = files.into_iter().filter_map(Result::ok);
        read.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
    }

    /// Nothing differs between orders, ledger, the acquirer's book and what the shop was told. The balances.
    pub(crate) async fn audited(&self) -> Vec<String> {
        let report = kassa::audit::audit(self.app.store()).await.unwrap();
        assert!(report.differences.is_empty(), "{:#?}", report.differences);
        report.balances().collect()
    }
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}
