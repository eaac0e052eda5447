//! Standard Webhooks signatures, verified by a program that knows the specification and nothing of ours.

use super::PAID;
use crate::harness::{Database, Gateway, Heard};
use payments::time::Millis;
use rstest::rstest;
use serde_json::json;
use std::io::{Seek as _, Write as _};
use std::process::{Command, Stdio};

/// What <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md> says a
/// receiver does. Prints, for each line of its input, the numbers of the signatures that are right.
const VERIFY: &str = r#"
import base64, hashlib, hmac, json, sys
for line in sys.stdin:
    it = json.loads(line)
    key = base64.b64decode(it["secret"].removeprefix("whsec_"), validate=True)
    assert 24 <= len(key) <= 64
    signed = f"{it['id']}.{it['timestamp']}.".encode() + it["body"].encode()
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    each = [one.split(",", 1) for one in it["signature"].split(" ")]
    print(json.dumps([at for at, (version, one) in enumerate(each) if version == "v1" and one == expected]))
"#;

/// Which of the signatures of a notification `secret` made, and of how many.
fn verified(heard: &Heard, secret: &str) -> (Vec<u64>, usize) {
    let signature = heard.header("webhook-signature");
    let request = json!({
        "secret": secret, "id": heard.header("webhook-id"), "timestamp": heard.header("webhook-timestamp"),
        "signature": signature, "body": heard.body,
    });
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(request.to_string().as_bytes()).unwrap();
    input.rewind().unwrap();
    let python = Command::new("python3").args(["-I", "-c", VERIFY]).stdin(Stdio::from(input)).output();
    let python = python.expect("python3 is needed for this test: ./test installs it");
    assert!(python.status.success(), "python3: {}", String::from_utf8_lossy(&python.stderr));
    (serde_json::from_slice(&python.stdout).unwrap(), signature.split(' ').count())
}

impl Gateway {
    /// The secret as its owner reads it.
    fn webhook_secret(&self, arguments: &[&str]) -> String {
        let ran = self.command(&[&["sites", "webhook-secret", "1"], arguments].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let (site, secret) = ran.stdout.trim_end().split_once('\n').unwrap();
        assert_eq!(site, "Site 1: Test shop");
        let secret = secret.strip_prefix("Webhook secret: ").unwrap();
        assert!(secret.starts_with("whsec_") && !ran.stderr.contains("whsec_"), "{ran:?}");
        secret.to_owned()
    }

    /// The notification of an order that is cancelled now.
    async fn told_of(&self, id: &str) -> Heard {
        self.cancelled_order(id).await;
        self.work().await;
        let heard = self.last_heard();
        assert_eq!(heard.order["order_id"], id);
        heard
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_signed_with_the_secret_that_the_command_shows(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let heard = gateway.told_of("é").await;
    let secret = gateway.webhook_secret(&[]);
    assert_eq!(verified(&heard, &secret), (vec![0], 1), "made when it was first needed");
    assert_eq!(heard.header("webhook-id"), heard.header("kassa-event-id"));
    assert_eq!(heard.header("webhook-timestamp"), heard.query("timestamp").unwrap());
    assert!(heard.verified, "Auth is as ever");
    let other = Heard { body: heard.body.replace("cancelled", "completed"), ..heard.clone() };
    assert_eq!(verified(&other, &secret), (vec![], 1));
    assert_eq!(gateway.webhook_secret(&[]), secret);

    let gateway = gateway.restart().await;
    assert_eq!(verified(&gateway.told_of("B-1").await, &secret), (vec![0], 1));
    let sealed = gateway.sql("SELECT webhook_sealed FROM site WHERE id = 1").await.concat().concat();
    assert!(!sealed.contains(secret.strip_prefix("whsec_").unwrap()) && !sealed.is_empty());
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_a_day_after_a_rotation_both_secrets_sign(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let gateway = Gateway::start(database).await;
    let old = gateway.webhook_secret(&[]);
    let new = gateway.webhook_secret(&["--rotate"]);
    assert!(old != new && gateway.webhook_secret(&[]) == new);
    // The command has the machine's clock.
    let now = gateway.clock.now().0;
    gateway.sql(&format!("UPDATE site SET webhook_rotated_at = {now}")).await;
    gateway.clock.advance(Millis(Millis::hours(24).0 - 1));
    let heard = gateway.told_of("A-1").await;
    assert_eq!((verified(&heard, &new), verified(&heard, &old)), ((vec![0], 2), (vec![1], 2)));
    gateway.clock.advance(Millis(1));
    let heard = gateway.told_of("A-2").await;
    assert_eq!((verified(&heard, &new), verified(&heard, &old)), ((vec![0], 1), (vec![], 1)));

    let unknown = gateway.command(&["sites", "webhook-secret", "7"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(1), ""));
    assert!(unknown.stderr.contains("there is no site 7"), "{unknown:?}");
}

#[tokio::test]
async fn a_notification_by_get_has_no_body_to_sign() {
    let gateway = Gateway::start(Database::Sqlite).await;
    let mut order = gateway.order("A-1");
    order["payment_options"]["notification_method"] = json!("GET");
    gateway.customer().pay(&gateway.link(&order).await, PAID).await;
    let heard = gateway.last_heard();
    assert_eq!((heard.method.as_str(), heard.header("webhook-signature")), ("GET", ""));
}
