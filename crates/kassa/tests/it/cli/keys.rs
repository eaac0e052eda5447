//! `kassa keys`, run next to a gateway that serves: nobody notices, nothing is lost, nothing is left behind.

use super::{mode, order, place, text};
use crate::harness::{Binary, Database, Home, Http, Ran, Shop, bare, run};
use crate::secrets::{Canary, files, find, luhn};
use kassa::keys::KeyRing;
use kassa::random::Random;
use payments::card::Pan;
use payments::ids::{SiteId, TokenId};
use rstest::rstest;
use serde_json::json;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const SITE: SiteId = SiteId(1);
const REFERENCE: &str = "customer";

fn key_file(home: &Home) -> PathBuf {
    match home.postgres() {
        Some(_) => home.folder().join("key"),
        None => home.data().join("key-encryption.key"),
    }
}

fn lines(home: &Home) -> usize {
    text(&key_file(home)).lines().count()
}

fn pan() -> Pan {
    Pan::parse(&luhn("564182739164028")).unwrap()
}

/// A stored card: id, fingerprint, sealed.
type Row = (String, Vec<u8>, Vec<u8>);

const INSERT: &str = "INSERT INTO token (site_id, id, reference, model, brand, last4, expiry, holder, \
    fingerprint, sealed, created_at) VALUES (1, $1, 'customer', 'cardOnFile', 'MAESTRO', '0000', '3512', 'A. Customer', \
    $2, $3, 0)";

async fn postgres(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Stores as many cards as it is told.
async fn store_cards(home: &Home, count: usize) {
    let keys = KeyRing::open(&key_file(home)).unwrap();
    let random = Random::system();
    let rows = (0..count).map(|_| {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        let id = TokenId::draw(bytes);
        let sealed = keys.seal_card(SITE, id, &pan()).unwrap();
        (id.to_string(), keys.fingerprint(SITE, REFERENCE, &pan()).to_vec(), sealed)
    });
    let rows: Vec<Row> = rows.collect();
    if let Some(url) = home.postgres() {
        let client = postgres(url).await;
        for (id, fingerprint, sealed) in rows {
            client.execute(INSERT, &[&id, &fingerprint, &sealed]).await.unwrap();
        }
    } else {
        let mut connection = home.sqlite();
        let tx = connection.transaction().unwrap();
        for row in rows {
            tx.execute(&INSERT.replace('$', "?"), row).unwrap();
        }
        tx.commit().unwrap();
    }
}

async fn stored_cards(home: &Home) -> Vec<Row> {
    let sql = "SELECT id, fingerprint, sealed FROM token";
    if let Some(url) = home.postgres() {
        let rows = postgres(url).await.query(sql, &[]).await.unwrap();
        return rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    }
    let connection = home.sqlite();
    let mut statement = connection.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// Every stored card opens with the key file as it is, and is recognised.
async fn check_cards(home: &Home, count: usize) {
    let keys = KeyRing::open(&key_file(home)).unwrap();
    let rows = stored_cards(home).await;
    assert_eq!(rows.len(), count);
    let known = keys.fingerprints(SITE, REFERENCE, &pan());
    for (id, fingerprint, sealed) in rows {
        assert_eq!(keys.open_card(SITE, TokenId::parse(&id).unwrap(), &sealed).unwrap(), pan(), "{id}");
        assert!(known.iter().any(|known| fingerprint == known), "{id}");
    }
}

/// The whole rotation, as it is done on one machine.
fn rotate(home: &Home) -> Ran {
    if home.postgres().is_some() && lines(home) == 1 {
        let added = home.run(&["keys", "add"]);
        assert_eq!(added.code, Some(0), "{added:?}");
    }
    home.run(&["keys", "rotate", "--destroy-old", "--wait", "1"])
}

/// The table that `kassa keys list` prints: key, role, and how much is sealed.
fn listed(home: &Home, code: i32) -> Vec<Vec<String>> {
    let ran = home.run(&["keys", "list"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(code), ""), "{ran:?}");
    let rows = ran.stdout.lines().map(|line| line.split_whitespace().map(str::to_owned).collect());
    let rows: Vec<Vec<String>> = rows.collect();
    assert_eq!(rows[0], ["KEY", "ROLE", "api_key", "token", "webhook", "webhook_before"]);
    rows[1..].to_vec()
}

/// The rows without the keys' ids, as far as API keys and tokens.
fn roles(rows: &[Vec<String>]) -> Vec<String> {
    rows.iter().map(|row| row[1..4].join(" ")).collect()
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_goes_step_by_step(#[values(Database::Sqlite, Database::Postgres)] database: Database) {
    let home = Home::new(database).await;
    assert!(home.serve().await.stop().await.success());
    store_cards(&home, 3).await;
    let before = listed(&home, 0);
    assert_eq!(roles(&before), ["seals 1 3"]);
    let first = before[0][0].clone();

    if home.postgres().is_some() {
        let file = text(&key_file(&home));
        let refused = home.run(&["keys", "rotate"]);
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
        assert!(refused.stderr.contains("run kassa keys add"), "{refused:?}");
        assert_eq!(text(&key_file(&home)), file);
    }
    let added = home.run(&["keys", "add"]);
    assert_eq!(added.code, Some(0), "{added:?}");
    assert!(added.stdout.contains("opens and does not seal yet"), "{added:?}");
    let rows = listed(&home, 0);
    assert_eq!(roles(&rows), ["seals 1 3", "next 0 0"]);
    let second = rows[1][0].clone();
    assert_eq!(home.run(&["keys", "add"]).code, Some(1), "one at a time");

    let rotated = home.run(&["keys", "rotate"]);
    assert_eq!(rotated.code, Some(0), "{rotated:?}");
    assert_eq!(
        rotated.stdout.lines().take(3).collect::<Vec<_>>(),
        [&format!("Key {second} seals from now on."), "api_key: 1 moved", "token: 3 moved"]
    );
    assert!(rotated.stdout.contains("--destroy-old"), "{rotated:?}");
    assert_eq!(roles(&listed(&home, 0)), ["seals 1 3", "old 0 0"]);

    let destroyed = home.run(&["keys", "rotate", "--destroy-old", "--wait", "0"]);
    assert_eq!(destroyed.code, Some(0), "{destroyed:?}");
    assert!(
        destroyed.stdout.starts_with(&format!("Going on with the rotation to key {second}.\n")),
        "{destroyed:?}"
    );
    assert!(
        destroyed.stdout.ends_with(&format!("Key {first} was destroyed: nothing is sealed with it.\n")),
        "{destroyed:?}"
    );
    assert_eq!(roles(&listed(&home, 0)), ["seals 1 3"]);
    assert_eq!((lines(&home), mode(&key_file(&home))), (1, 0o600));
    check_cards(&home, 3).await;
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shop_notices_nothing_of_a_rotation(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let home = Home::new(database).await;
    let binary = home.serve().await;
    store_cards(&home, 300).await;
    let shop = Shop::open(&binary.key).await;
    let (stop, mut callers) = (Arc::new(AtomicBool::new(false)), Vec::new());
    for caller in 0..3 {
        let (stop, url, key) = (Arc::clone(&stop), binary.url.clone(), binary.key.clone());
        callers.push(tokio::spawn(async move { call_until(&stop, &url, &key, caller).await }));
    }
    let mut ids = vec![listed(&home, 0)[0][0].clone()];
    for round in 0..3 {
        let mut told = order(&format!("told-{round}"));
        told["payment_options"] = json!({"notification_url": shop.url("/notification")});
        let link = place(&binary, &binary.key, &told).await;
        let rotated = rotate(&home);
        assert_eq!(rotated.code, Some(0), "{rotated:?}");
        assert!(rotated.stdout.contains("was destroyed"), "{rotated:?}");
        // A key of before the rotation signs, and one that is made after it works.
        assert_eq!(run(&mut bare(&["pay", &link])).code, Some(0));
        let created = home.run(&["sites", "create", "--name", "Another"]).stdout;
        let created = created.trim_end().rsplit_once("API key: ").unwrap().1;
        place(&binary, created, &order("of-the-new-site")).await;
        ids.push(listed(&home, 0)[0][0].clone());
    }
    stop.store(true, Ordering::SeqCst);
    for caller in callers {
        let calls = caller.await.unwrap();
        assert!(calls > 20, "{calls} calls were made during three rotations");
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 4, "each time another key");
    let heard = shop.heard();
    assert!(heard.len() >= 3 && heard.iter().all(|heard| heard.verified), "{heard:?}");
    check_cards(&home, 300).await;
    let log = text(&binary.stderr);
    assert!(log.contains("the key file was read again") && !log.contains("ERROR"), "{log}");

    let key = binary.key.clone();
    assert!(binary.stop().await.success());
    let binary = home.serve().await;
    assert_eq!(binary.key, key, "the next start opens what was moved");
    place(&binary, &key, &order("after-a-restart")).await;
}

/// Orders and looks at orders until it is told to stop; no call may fail. How many there were.
async fn call_until(stop: &AtomicBool, url: &str, key: &str, caller: usize) -> usize {
    let http = Http::new();
    let mut calls = 0;
    while !stop.load(Ordering::SeqCst) {
        let id = format!("{caller}-{calls}");
        let placed =
            http.call("POST", &format!("{url}/v1/json/orders"), key, &order(&id).to_string()).await.unwrap();
        assert_eq!(placed.status, 200, "{}", placed.text);
        let read = http.call("GET", &format!("{url}/v1/json/orders/{id}"), key, "").await.unwrap();
        assert_eq!(read.status, 200, "{}", read.text);
        // The keys of strangers make nothing slower or wrong for the shop.
        let wrong = http.call("GET", &format!("{url}/v1/json/orders/{id}"), "wrong-key", "").await.unwrap();
        assert_eq!(wrong.status, 401, "{}", wrong.text);
        calls += 1;
    }
    calls
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_killed_at_any_moment_is_run_again(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let home = Home::new(database).await;
    let binary = home.serve().await;
    store_cards(&home, 400).await;
    place(&binary, &binary.key, &order("one")).await;
    if home.postgres().is_some() {
        assert_eq!(home.run(&["keys", "add"]).code, Some(0));
    }
    let command = ["keys", "rotate", "--destroy-old", "--wait", "0"];
    let started = Instant::now();
    assert_eq!(home.run(&command).code, Some(0));
    let (mut whole, random) = (started.elapsed(), Random::system());
    let mut killed = 0;
    while killed < 10 {
        if home.postgres().is_some() && lines(&home) == 1 {
            assert_eq!(home.run(&["keys", "add"]).code, Some(0));
        }
        let mut byte = [0];
        random.fill(&mut byte);
        let moment = whole * u32::from(byte[0]) / 256;
        if kill_after(&home, &command, moment).await {
            killed += 1;
        } else {
            // It was faster than the one that was measured.
            whole = moment;
        }
        println!("killed after {moment:?}: {} keys in the file", lines(&home));
        check_cards(&home, 400).await;
        check_authentication(&binary).await;
    }
    let ran = rotate(&home);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!((lines(&home), roles(&listed(&home, 0))), (1, vec!["seals 1 400".to_owned()]));
    check_cards(&home, 400).await;
    check_authentication(&binary).await;
    check_nothing_is_left(&home, &ran, &binary.key).await;
}

/// Whether the command was still at work.
async fn kill_after(home: &Home, command: &[&str], moment: Duration) -> bool {
    let mut child = home.command(command).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    tokio::time::sleep(moment).await;
    let was_at_work = child.try_wait().unwrap().is_none();
    child.kill().unwrap();
    child.wait().unwrap();
    was_at_work
}

async fn check_authentication(binary: &Binary) {
    let url = format!("{}/v1/json/orders/one", binary.url);
    let reply = Http::new().call("GET", &url, &binary.key, "").await.unwrap();
    assert_eq!(reply.status, 200, "{}", reply.text);
}

/// No card number, no API key and no second copy of a key is in any file, row or output.
async fn check_nothing_is_left(home: &Home, ran: &Ran, api_key: &str) {
    let key = text(&key_file(home)).trim_end().to_owned();
    let secrets = [Canary::card(pan().digits()), Canary::text(api_key), Canary::text(&key)];
    let mut places = vec![("output".to_owned(), format!("{}{}", ran.stdout, ran.stderr).into_bytes())];
    for path in files(home.folder()) {
        let name = path.display().to_string();
        assert!(!name.ends_with(".draft"), "{name} stays behind");
        // The key is in its file, and a start prints the test site's API key.
        if path != key_file(home) && !name.ends_with(".stdout") {
            places.push((name, fs::read(&path).unwrap()));
        }
    }
    for (id, fingerprint, sealed) in stored_cards(home).await {
        places.push((id, [fingerprint, sealed].concat()));
    }
    for (name, content) in places {
        let found = find(&name, &content, &secrets);
        assert!(found.is_empty(), "{found:?}");
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_file_of_another_database_changes_nothing(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let home = Home::new(database).await;
    let binary = home.serve().await;
    store_cards(&home, 2).await;
    place(&binary, &binary.key, &order("one")).await;
    let right = listed(&home, 0)[0][0].clone();
    let good = text(&key_file(&home));
    let wrong = format!("{}\n{} next\n", "77".repeat(32), "78".repeat(32));
    fs::write(key_file(&home), &wrong).unwrap();

    let rows = listed(&home, 1);
    assert_eq!(roles(&rows), ["seals 0 0", "next 0 0", "MISSING 1 2"]);
    assert_eq!(rows[2][0], right);
    let refused = home.run(&["keys", "rotate", "--destroy-old"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{refused:?}");
    let expected = format!("kassa: 3 values are sealed with key {right}, which is not in the key file\n");
    assert_eq!(refused.stderr, expected);
    assert_eq!(text(&key_file(&home)), wrong);
    check_authentication(&binary).await;

    fs::write(key_file(&home), good).unwrap();
    assert_eq!(roles(&listed(&home, 0)), ["seals 1 2"]);
    check_cards(&home, 2).await;
    check_authentication(&binary).await;
}

/// docs/keys.md, "If the key file is lost".
#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_lost_key_file_new_api_keys_work(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let home = Home::new(database).await;
    assert!(home.serve().await.stop().await.success());
    store_cards(&home, 1).await;
    fs::write(key_file(&home), format!("{}\n", "77".repeat(32))).unwrap();
    let refused = home.run(&["serve"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.ends_with("sealed with another key file\n"), "{refused:?}");

    assert_eq!(home.run(&["sites", "rotate-key", "1"]).code, Some(0));
    for sql in ["DELETE FROM token", "DELETE FROM api_key WHERE revoked_at IS NOT NULL"] {
        match home.postgres() {
            Some(url) => assert_eq!(postgres(url).await.execute(sql, &[]).await.unwrap(), 1),
            None => assert_eq!(home.sqlite().execute(sql, ()).unwrap(), 1),
        }
    }
    let binary = home.serve().await;
    place(&binary, &binary.key, &order("one")).await;
    assert_eq!(rotate(&home).code, Some(0));
    check_authentication(&binary).await;
}

/// docs/keys.md, "Changing the key on several machines".
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_machines_change_their_key_as_the_manual_says() {
    let home = Home::new(Database::Postgres).await;
    let first = home.serve().await;
    let copy = home.folder().join("key-of-the-second");
    let distribute = || {
        let draft = home.folder().join("on-its-way");
        fs::copy(key_file(&home), &draft).unwrap();
        fs::rename(&draft, &copy).unwrap();
    };
    distribute();
    let output = home.folder().join("second");
    let child = home
        .command(&["serve"])
        .env("KASSA_LISTEN", "127.0.0.1:0")
        .env("KASSA_KEY_FILE", &copy)
        .stdout(fs::File::create(&output).unwrap())
        .stderr(fs::File::create(output.with_extension("log")).unwrap())
        .spawn()
        .unwrap();
    let mut second = Binary::of(child, output.clone(), output.with_extension("log"));
    second.wait_until_serving().await;
    store_cards(&home, 20).await;

    let (stop, mut callers) = (Arc::new(AtomicBool::new(false)), Vec::new());
    for (caller, binary) in [&first, &second].into_iter().enumerate() {
        let (stop, url, key) = (Arc::clone(&stop), binary.url.clone(), binary.key.clone());
        callers.push(tokio::spawn(async move { call_until(&stop, &url, &key, caller).await }));
    }
    let on_second = |arguments: &[&str]| run(home.command(arguments).env("KASSA_KEY_FILE", &copy));
    assert_eq!(home.run(&["keys", "add"]).code, Some(0));
    distribute();
    assert_eq!(home.run(&["keys", "rotate"]).code, Some(0));
    assert_eq!(roles(&listed(&home, 0)), ["seals 1 20", "old 0 0"]);
    // The second machine still seals with the old key.
    assert_eq!(on_second(&["sites", "create", "--name", "Late"]).code, Some(0));
    assert_eq!(roles(&listed(&home, 0)), ["seals 1 20", "old 1 0"]);
    distribute();
    let destroyed = home.run(&["keys", "rotate", "--destroy-old", "--wait", "1"]);
    assert_eq!(destroyed.code, Some(0), "{destroyed:?}");
    assert!(destroyed.stdout.contains("api_key: 1 moved") && destroyed.stdout.contains("was destroyed"));
    assert_eq!(roles(&listed(&home, 0)), ["seals 2 20"]);
    distribute();
    assert_eq!(on_second(&["keys", "list"]).code, Some(0));
    stop.store(true, Ordering::SeqCst);
    for caller in callers {
        assert!(caller.await.unwrap() > 5);
    }
    check_cards(&home, 20).await;
}
