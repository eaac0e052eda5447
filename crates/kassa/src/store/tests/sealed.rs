//! What is sealed, and how it is moved to another key-encryption key.

use super::*;
use crate::keys::{KeyId, KeyRing};
use crate::reseal::{count, reseal};
use crate::sites::{add_key, find_key, open_key};
use crate::store::db::{MIGRATIONS, Value};
use crate::store::{Resealed, SealedColumn};
use crate::{keys::ApiSecret, store::SealedRow};
use payments::card::Pan;
use payments::ids::TokenId;
use rstest::rstest;

const CARD: &str = "6799990000000000011";

fn token(number: u8) -> TokenId {
    TokenId::draw([number; 16])
}

fn column(table: &str) -> &'static SealedColumn {
    SealedColumn::all().iter().find(|column| column.table == table).unwrap()
}

impl Bench {
    async fn add_token(&self, id: &str, reference: &str, fingerprint: Vec<u8>, sealed: Vec<u8>) {
        let sql = "INSERT INTO token (site_id, id, reference, model, brand, last4, expiry, holder, fingerprint, \
                   sealed, created_at) VALUES ($1, $2, $3, 'cardOnFile', 'MAESTRO', '0011', '3512', 'A. Customer', \
                   $4, $5, 0)";
        let values = [SITE.0.into(), id.into(), reference.into(), fingerprint.into(), sealed.into()];
        self.store.db.execute("sites", statement(sql, values)).await.unwrap();
    }

    async fn store_card(&self, keys: &KeyRing, number: u8, reference: &str) {
        let pan = Pan::parse(CARD).unwrap();
        let sealed = keys.seal_card(SITE, token(number), &pan).unwrap();
        let fingerprint = keys.fingerprint(SITE, reference, &pan).to_vec();
        self.add_token(&token(number).to_string(), reference, fingerprint, sealed).await;
    }

    /// Ids, fingerprints and what is sealed.
    async fn tokens(&self) -> Vec<(TokenId, Vec<u8>, Vec<u8>)> {
        let sql = "SELECT id, fingerprint, sealed FROM token ORDER BY id";
        let rows = self.store.db.read(statement(sql, [])).await.unwrap();
        let token = |row: crate::store::db::Row| {
            let mut columns = row.columns();
            let id = TokenId::parse(&columns.text().unwrap()).unwrap();
            (id, columns.blob().unwrap(), columns.blob().unwrap())
        };
        rows.into_iter().map(token).collect()
    }

    async fn others(&self, table: &str, newest: KeyId, after: Option<&SealedRow>) -> Vec<SealedRow> {
        self.store.sealed_otherwise(column(table), newest, after, 2).await.unwrap()
    }
}

#[test]
fn every_sealed_column_of_the_schema_is_registered() {
    let mut table = "";
    let mut found = 0;
    for line in MIGRATIONS.iter().flat_map(|migration| migration.sql.lines()) {
        if let Some(rest) = line.strip_prefix("CREATE TABLE ").or(line.strip_prefix("ALTER TABLE ")) {
            table = rest.split_whitespace().next().unwrap();
        }
        // `ALTER TABLE t ADD COLUMN c` is one line, `CREATE TABLE t (` has a line for each column.
        let column = line.split_once("ADD COLUMN ").map_or(line, |(_, column)| column);
        let name = column.split_whitespace().next().unwrap_or_default();
        if !line.trim_start().starts_with("--") && name.contains("sealed") {
            let known = SealedColumn::all().iter().filter(|column| column.is(table, name)).count();
            assert_eq!(known, 1, "{table}.{name} would be lost with the old key");
            found += 1;
        }
    }
    assert_eq!(found, SealedColumn::all().len());
}

#[rstest]
#[tokio::test]
async fn sealed_values_are_counted_paged_and_replaced(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let (old, new) = (KeyRing::of(&[[1; 32]]), KeyRing::of(&[[2; 32]]));
    for (id, keys) in [("a", &old), ("b", &new), ("c", &old), ("d", &old)] {
        bench.add_token(id, "customer", vec![9], keys.seal("x", b"y").unwrap()).await;
    }
    let mut counted = bench.store.count_sealed(column("token")).await.unwrap();
    counted.sort_by_key(|(_, count)| *count);
    assert_eq!(counted, [(Some(new.newest()), 1), (Some(old.newest()), 3)]);
    assert_eq!(bench.store.count_sealed(column("api_key")).await.unwrap(), []);

    let first = bench.others("token", new.newest(), None).await;
    let names = |rows: &[SealedRow]| rows.iter().map(SealedRow::name).collect::<Vec<_>>();
    assert_eq!(names(&first), ["a", "c"]);
    assert_eq!(first[0].context.as_deref(), Some("customer"));
    assert_eq!(column("token").purpose(&first[0]), "token/1/a");
    let second = bench.others("token", new.newest(), first.last()).await;
    assert_eq!(names(&second), ["d"]);
    assert_eq!(bench.others("token", new.newest(), second.last()).await.len(), 0);

    let resealed = |byte| Resealed { sealed: vec![byte; 20], keyed: Some(vec![byte]) };
    bench.store.replace_sealed(column("token"), &first[1], resealed(5)).await.unwrap();
    let late = bench.store.replace_sealed(column("token"), &first[1], resealed(6)).await;
    assert!(matches!(late, Err(WriteError::Stale)), "somebody was faster: {late:?}");
    let sql = "SELECT sealed, fingerprint FROM token WHERE id = 'c'";
    let row = bench.store.db.read(statement(sql, [])).await.unwrap().remove(0).0;
    assert_eq!(row, [Value::Blob(vec![5; 20]), Value::Blob(vec![5])]);
}

#[rstest]
#[tokio::test]
async fn everything_moves_to_the_newest_key_and_works_all_the_while(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let (old, both, new) =
        (KeyRing::of(&[[1; 32]]), KeyRing::of(&[[2; 32], [1; 32]]), KeyRing::of(&[[2; 32]]));
    let mut secrets = Vec::new();
    for (number, keys) in [&old, &old, &both].into_iter().enumerate() {
        let drawn = ApiSecret::draw(&bench.random);
        // The first is revoked by the second: it is sealed all the same.
        secrets.push(add_key(&bench.store, keys, SITE, drawn, number == 1, NOW).await.unwrap());
    }
    // More than are moved at a time.
    for number in 0..230 {
        bench.store_card(if number == 7 { &both } else { &old }, number, &format!("customer-{number}")).await;
    }
    let before = bench.tokens().await;
    let valid = async |keys: &KeyRing| {
        let mut found = Vec::new();
        for secret in &secrets {
            let key = find_key(&bench.store, keys, secret.expose()).await.unwrap().map(|(key, _)| key);
            let opened = key.as_ref().map(|key| open_key(keys, key).unwrap());
            assert!(opened.is_none_or(|opened| opened == *secret), "it signs as before");
            found.push(key.map(|key| key.id));
        }
        found
    };
    assert_eq!(valid(&both).await, [None, Some(2), Some(3)], "before");

    let pass = reseal(&bench.store, &both).await.unwrap();
    assert_eq!(pass.moved, [("api_key", 2), ("token", 229), ("webhook", 0), ("webhook_before", 0)]);
    assert_eq!((pass.overtaken, pass.failures.len()), (0, 0));
    assert!(reseal(&bench.store, &both).await.unwrap().is_clean());
    for counted in count(&bench.store).await.unwrap() {
        assert!(counted.by_key.iter().all(|(key, _)| *key == Some(new.newest())), "{counted:?}");
    }
    for keys in [&both, &new] {
        assert_eq!(valid(keys).await, [None, Some(2), Some(3)], "after");
    }
    let pan = Pan::parse(CARD).unwrap();
    let sql = "SELECT COUNT(*) FROM token WHERE bin IS NULL";
    assert_eq!(bench.number(sql).await, 230, "nothing else changed");
    for ((id, fingerprint, sealed), (_, _, was)) in bench.tokens().await.into_iter().zip(before) {
        assert_eq!(new.open_card(SITE, id, &sealed).unwrap(), pan);
        assert!(old.open_card(SITE, id, &sealed).is_err());
        assert_eq!(sealed[65..], was[65..], "the number's own ciphertext stays");
        let number = (0..230).find(|number| token(*number) == id).unwrap();
        assert_eq!(fingerprint, new.fingerprint(SITE, &format!("customer-{number}"), &pan));
    }
}

#[rstest]
#[tokio::test]
async fn what_does_not_open_is_named_and_stays_as_it_is(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let bench = Bench::open(database).await;
    let (old, both) = (KeyRing::of(&[[1; 32]]), KeyRing::of(&[[2; 32], [1; 32]]));
    let stranger = KeyRing::of(&[[3; 32]]);
    bench.store_card(&old, 1, "customer").await;
    bench.store_card(&stranger, 2, "customer").await;
    let (damaged, pan) = (token(3), Pan::parse(CARD).unwrap());
    let mut sealed = old.seal_card(SITE, damaged, &pan).unwrap();
    *sealed.last_mut().unwrap() ^= 1;
    bench.add_token(&damaged.to_string(), "customer", vec![], sealed).await;
    bench.add_token("no-token", "customer", vec![], old.seal("token/1/no-token", b"").unwrap()).await;
    bench.add_token("short", "customer", vec![], vec![1]).await;

    let pass = reseal(&bench.store, &both).await.unwrap();
    assert_eq!(pass.moved, [("api_key", 0), ("token", 1), ("webhook", 0), ("webhook_before", 0)]);
    assert!(!pass.is_clean());
    let mut expected = [
        format!("opening token/1/{}: sealed with another key file", token(2)),
        format!("opening token/1/{damaged}: what is stored has been damaged or moved"),
        "token/1/no-token is no token's id".to_owned(),
        "token/1/short is no token's id".to_owned(),
    ];
    expected.sort();
    let mut failures = pass.failures;
    failures.sort();
    assert_eq!(failures, expected);
    let again = reseal(&bench.store, &both).await.unwrap();
    assert_eq!((again.moved[1], again.failures.len()), (("token", 0), 4));
    let counted = count(&bench.store).await.unwrap();
    assert!(counted[1].by_key.contains(&(None, 1)), "{counted:?}");
}
