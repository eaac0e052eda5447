//! Everything that a deployment has written down.

use crate::harness::Home;
use rusqlite::types::ValueRef;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Every file under a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// Every value of every table: texts in quotes, bytes in hexadecimal.
pub(crate) async fn database(home: &Home) -> String {
    let dump = match home.postgres() {
        Some(url) => postgres(url).await,
        None => sqlite(&home.sqlite()),
    };
    assert!(dump.contains("payment_transaction") && dump.contains("\"by-command\""), "{dump}");
    dump
}

async fn postgres(url: &str) -> String {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let tables =
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()";
    let mut dump = String::new();
    for table in client.query(tables, &[]).await.unwrap() {
        let table: String = table.get(0);
        let rows = client.query(&format!("SELECT row_to_json(t)::text FROM {table} t"), &[]).await.unwrap();
        for row in rows {
            writeln!(dump, "{table} {}", row.get::<_, String>(0)).unwrap();
        }
    }
    dump
}

fn sqlite(connection: &rusqlite::Connection) -> String {
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table'";
    let mut tables = connection.prepare(tables).unwrap();
    let tables: Vec<String> =
        tables.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let mut dump = String::new();
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            writeln!(dump, "{table}").unwrap();
            for (at, name) in names.iter().enumerate() {
                let value = match row.get_ref(at).unwrap() {
                    ValueRef::Text(text) => format!("\"{}\"", String::from_utf8_lossy(text)),
                    ValueRef::Blob(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
                    other => format!("{other:?}"),
                };
                writeln!(dump, " {name}={value}").unwrap();
            }
        }
    }
    dump
}
