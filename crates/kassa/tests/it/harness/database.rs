//! A fresh database for each test, on either engine.

use kassa::random::Random;
use kassa::store::Location;
use std::path::Path;

/// The engine a test runs on.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    /// An empty database: a file in `folder`, or a schema of its own.
    pub(crate) async fn create(self, folder: &Path) -> Location {
        match self {
            Self::Sqlite => Location::File(folder.join("kassa.db")),
            Self::Postgres => Location::Postgres(create_schema().await),
        }
    }
}

async fn create_schema() -> String {
    #[expect(clippy::disallowed_methods, reason = "the test script says where its database listens")]
    let url = std::env::var("TEST_POSTGRES_URL");
    let url = url.expect("TEST_POSTGRES_URL is not set: run ./test, which starts a database");
    // Drawn: process ids come back while a database server lives on.
    let schema = format!("it_{}", Random::system().alphanumeric(20).to_lowercase());
    let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(&format!("CREATE SCHEMA {schema}")).await.unwrap();
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}options=-csearch_path%3D{schema}")
}
