//! Bad days of a disk: full, read-only, or failing to write what it was told to. Nothing that was acknowledged is lost,
//! what cannot be kept is refused and said so, and once the disk is well everything goes on.
//!
//! A disk of its own is a small one in memory, in a mount namespace of the gateway's; a disk that fails is one that
//! strace answers for. Where neither is permitted, the test says that it was skipped.

use crate::harness::{Binary, Database, Home, Http, Reply};
use rstest::rstest;
use serde_json::json;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How many orders are placed at most until the disk is really full: the log has some room of its own.
const TRIES: usize = 3_000;
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether a command works here.
fn works(command: &[&str]) -> bool {
    let (program, arguments) = command.split_first().unwrap();
    let ran = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    ran.is_ok_and(|status| status.success())
}

/// How a mount namespace is made here, if it is permitted.
fn namespace() -> Option<&'static [&'static str]> {
    let ways: [&[&str]; 2] = [&["unshare", "-m"], &["unshare", "-Urm"]];
    let test = ["sh", "-c", "mount -t tmpfs tmpfs /mnt"];
    ways.into_iter().find(|way| works(&[*way, &test].concat()))
}

/// The command, run by `before`, which becomes it.
fn within(command: &Command, before: &[&str]) -> Command {
    let (program, arguments) = before.split_first().unwrap();
    let mut outer = Command::new(program);
    outer.args(arguments).arg(command.get_program()).args(command.get_args()).env_clear();
    outer.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer
}

/// Places an order for so many cents.
async fn place(
    http: &Http,
    binary: &Binary,
    id: &str,
    cents: usize,
) -> Result<Reply, kassa::outbound::Failure> {
    let order = json!({"type": "redirect", "order_id": id, "currency": "EUR", "amount": cents,
        "description": "x".repeat(100)});
    http.call("POST", &format!("{}/v1/json/orders", binary.url), &binary.key, &order.to_string()).await
}

/// A deployment whose data was put there from another place.
async fn deployment_from(data: &Path) -> Home {
    let home = Home::new(Database::Sqlite).await;
    fs::create_dir(home.data()).unwrap();
    for name in ["kassa.db", "kassa.db-wal", "key-encryption.key"] {
        if data.join(name).exists() {
            fs::copy(data.join(name), home.data().join(name)).unwrap();
        }
    }
    home
}

/// Every acknowledged order is there, as it was acknowledged, and everything adds up.
async fn nothing_is_lost(home: &Home, acknowledged: &[(String, usize)]) {
    let binary = home.serve().await;
    let http = Http::new();
    for (id, cents) in acknowledged {
        let url = format!("{}/v1/json/orders/{id}", binary.url);
        let order = http.call("GET", &url, &binary.key, "").await.unwrap();
        assert_eq!(order.status, 200, "{id} is lost");
        assert_eq!(order.json()["data"]["amount"], json!(cents), "{id}");
    }
    assert_eq!(place(&http, &binary, "afterwards", 1_000).await.unwrap().status, 200);
    assert!(binary.stop().await.success());
    assert_eq!(home.run(&["audit"]).code, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_nothing_is_taken_or_lost_and_with_room_it_goes_on() {
    let Some(namespace) = namespace() else {
        eprintln!("skipped: no mount namespace is permitted here");
        return;
    };
    let home = Home::new(Database::Sqlite).await;
    fs::create_dir(home.data()).unwrap();
    let mount = format!(
        "mount -t tmpfs -o size=8m,mode=0700 tmpfs '{}' && exec \"$0\" \"$@\"",
        home.data().display()
    );
    let before = [namespace, &["sh", "-c", &mount]].concat();
    let mut binary = home.spawn_within(|command| within(&command, &before));
    binary.wait_until_serving().await;
    let disk = PathBuf::from(format!("/proc/{}/root{}", binary.pid(), home.data().display()));
    let http = Http::new();
    let mut acknowledged = Vec::new();
    let mut place_next = async |number: usize| {
        let id = format!("order-{number}");
        let reply = place(&http, &binary, &id, 1_000 + number).await.unwrap();
        if reply.status == 200 {
            acknowledged.push((id, 1_000 + number));
        }
        reply
    };
    for number in 0..30 {
        assert_eq!(place_next(number).await.status, 200);
    }
    fill(&disk.join("filler"));
    let mut number = 30;
    let refused = loop {
        number += 1;
        assert!(number < TRIES, "the disk is full and orders are placed all the same");
        let reply = place_next(number).await;
        if reply.status != 200 {
            break reply;
        }
    };
    assert_eq!((refused.status, &refused.json()["error_code"]), (500, &json!(9999)), "{}", refused.text);
    for _ in 0..20 {
        number += 1;
        assert_eq!(place_next(number).await.status, 500, "there is still no room");
    }
    let log = fs::read_to_string(&binary.stderr).unwrap();
    assert_eq!(log.matches("the disk is full: nothing new is taken until there is room").count(), 1, "{log}");
    let live = http.send("GET", &format!("{}/health/live", binary.url), &[], "").await.unwrap();
    assert_eq!(live.status, 200, "and it goes on answering");

    fs::remove_file(disk.join("filler")).unwrap();
    let until = Instant::now() + PATIENCE;
    loop {
        number += 1;
        if place_next(number).await.status == 200 {
            break;
        }
        assert!(Instant::now() < until, "there is room and nothing is taken");
    }
    let log = fs::read_to_string(&binary.stderr).unwrap();
    assert!(log.contains("there is room on the disk again"), "{log}");

    // The power fails: what is on the disk now is all there is.
    assert!(works(&["kill", "-STOP", &binary.pid().to_string()]));
    let copy = deployment_from(&disk).await;
    binary.kill();
    println!("disk full: {} orders were acknowledged, {number} tried", acknowledged.len());
    nothing_is_lost(&copy, &acknowledged).await;
}

/// Writes until nothing more can be written.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    for size in [64 * 1_024, 4_096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

/// The disk fails some time after the start. Nobody knows then what of the last commit is on it, so the gateway ends;
/// systemd starts it again, and once the disk is well it serves.
#[rstest]
#[case::fsync_fails("fsync,fdatasync", "EIO", 12)]
#[case::read_only("pwrite64", "EROFS", 300)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fails_ends_the_process_and_loses_nothing(
    #[case] calls: &str,
    #[case] error: &str,
    #[case] after: u32,
) {
    if !works(&["strace", "-o", "/dev/null", "true"]) {
        eprintln!("skipped: strace is not here, or not permitted");
        return;
    }
    let home = Home::new(Database::Sqlite).await;
    // What a first start writes is not what this is about.
    assert!(home.serve().await.stop().await.success());
    let inject = format!("inject={calls}:error={error}:when={after}+");
    let before = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e", &inject];
    let mut binary = home.spawn_within(|command| within(&command, &before));
    binary.wait_until_serving().await;
    let http = Http::new();
    let mut acknowledged = Vec::new();
    for number in 0..TRIES {
        let id = format!("order-{number}");
        match place(&http, &binary, &id, 1_000 + number).await {
            Ok(reply) if reply.status == 200 => acknowledged.push((id, 1_000 + number)),
            Ok(reply) => assert_eq!(reply.status, 500, "{}", reply.text),
            Err(_) => break,
        }
    }
    assert_eq!(binary.ended().await.code(), Some(70));
    let log = fs::read_to_string(&binary.stderr).unwrap();
    assert!(
        log.contains("a commit failed and its outcome is unknown: stopping, restart to continue"),
        "{log}"
    );
    println!("{error} by {calls}: {} orders were acknowledged before", acknowledged.len());
    assert!(!acknowledged.is_empty());
    nothing_is_lost(&home, &acknowledged).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_read_only_disk_it_says_so_and_does_not_start() {
    let Some(namespace) = namespace() else {
        eprintln!("skipped: no mount namespace is permitted here");
        return;
    };
    let home = Home::new(Database::Sqlite).await;
    assert!(home.serve().await.stop().await.success());
    let data = home.data().display().to_string();
    let mount =
        format!("mount --bind '{data}' '{data}' && mount -o remount,bind,ro '{data}' && exec \"$0\" \"$@\"");
    let before = [namespace, &["sh", "-c", &mount]].concat();
    let ran = crate::harness::run(&mut within(&home.command(&["serve", "--listen", "127.0.0.1:0"]), &before));
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let expected =
        format!("kassa: the data folder {data} is not writable: Read-only file system (os error 30)\n");
    assert_eq!(ran.stderr, expected);
    nothing_is_lost(&home, &[]).await;
}
