//! A gateway that serves HTTPS: who trusts it, what it keeps, which names it is good for.

use super::{mode, order, text};
use crate::harness::{Binary, Database, Home, Http, bare, run};
use kassa::outbound::Failure;
use rstest::rstest;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// Asks the API for an order that is not there: the answer, or why there is none.
async fn ask(http: &Http, url: &str, key: &str) -> Result<u16, Failure> {
    let reply = http.call("GET", &format!("{url}/v1/json/orders/none"), key, "").await?;
    assert_eq!(reply.json()["error_code"], 1006, "{}", reply.text);
    Ok(reply.status)
}

/// The authority as `kassa ca` prints it.
fn authority(home: &Home) -> String {
    let ran = home.run(&["ca"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn https_is_for_those_who_trust_its_authority(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
) {
    let home = Home::new(database).await.with("KASSA_TLS", "true");
    let binary = home.serve().await;
    assert!(binary.url.starts_with("https://127.0.0.1:"), "{}", binary.url);
    let pem = authority(&home);
    assert_eq!(ask(&Http::trusting(&pem), &binary.url, &binary.key).await, Ok(404));
    let stranger = ask(&Http::new(), &binary.url, &binary.key).await.unwrap_err();
    assert!(matches!(&stranger, Failure::Tls(why) if why.contains("UnknownIssuer")), "{stranger:?}");
    let plain = binary.url.replace("https:", "http:");
    let refused = ask(&Http::new(), &plain, &binary.key).await.unwrap_err();
    assert!(matches!(refused, Failure::Protocol(_)), "{refused:?}");

    let body = order("one").to_string();
    let http = Http::trusting(&pem);
    let placed = http.call("POST", &format!("{}/v1/json/orders", binary.url), &binary.key, &body).await;
    let link = placed.unwrap().json()["data"]["payment_url"].as_str().unwrap().to_owned();
    assert!(link.starts_with(&format!("{}/connect/", binary.url)), "{link}");
    let ca = home.data().join("tls/ca.pem");
    let paid = run(bare(&["pay", &link, "--ca"]).arg(&ca));
    assert_eq!(paid.code, Some(0), "{paid:?}");
    let refused = run(&mut bare(&["pay", &link]));
    assert_eq!(
        (refused.code, refused.stderr.contains("no secure connection")),
        (Some(1), true),
        "{refused:?}"
    );
    fs::write(home.folder().join("empty.pem"), "no certificate").unwrap();
    let empty = run(bare(&["pay", &link, "--ca"]).arg(home.folder().join("empty.pem")));
    assert!(empty.stderr.starts_with("kassa pay: there is no certificate in "), "{empty:?}");
    assert!(binary.stop().await.success());
}

#[tokio::test]
async fn the_authority_stays_the_same_and_its_key_private() {
    let home = Home::new(Database::Sqlite).await.with("KASSA_TLS", "true").at_one_address();
    let first = home.serve().await;
    let folder = home.data().join("tls");
    assert_eq!((mode(&folder), mode(&folder.join("ca.key"))), (0o700, 0o600));
    let pem = authority(&home);
    assert_eq!(text(&folder.join("ca.pem")), pem);
    let key = text(&folder.join("ca.key"));
    assert!(first.stop().await.success());

    let second = home.serve().await;
    assert_eq!((authority(&home), text(&folder.join("ca.key"))), (pem.clone(), key));
    assert_eq!(ask(&Http::trusting(&pem), &second.url, &second.key).await, Ok(404));

    let printed = home.run(&["ca"]);
    for part in
        [folder.join("ca.pem").to_str().unwrap(), "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "keytool"]
    {
        assert!(printed.stderr.contains(part), "{part} is missing: {}", printed.stderr);
    }
}

#[tokio::test]
async fn changed_names_make_a_new_certificate_of_the_same_authority() {
    let home = Home::new(Database::Sqlite).await.with("KASSA_TLS", "true");
    let home = home.with("KASSA_TLS_NAMES", "localhost");
    let first = home.serve().await;
    assert!(first.url.starts_with("https://localhost:"), "links lead to the name: {}", first.url);
    let http = Http::trusting(&authority(&home));
    assert_eq!(ask(&http, &first.url, &first.key).await, Ok(404));
    let by_address = ask(&http, &first.url.replace("localhost", "127.0.0.1"), &first.key).await.unwrap_err();
    assert!(by_address.to_string().contains("not valid for name"), "{by_address}");
    assert!(first.stop().await.success());

    let home = home.with("KASSA_TLS_NAMES", "shop.test,127.0.0.1");
    let second = home.serve().await;
    assert!(second.url.starts_with("https://127.0.0.1:"), "{}", second.url);
    assert_eq!(ask(&http, &second.url, &second.key).await, Ok(404));
    let by_old_name = ask(&http, &second.url.replace("127.0.0.1", "localhost"), &second.key).await;
    assert!(matches!(by_old_name, Err(Failure::Tls(_))), "{by_old_name:?}");
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_served_as_it_is() {
    let home = Home::new(Database::Sqlite).await;
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = |name: &str, text: String| {
        let path = home.folder().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (certificate, key) =
        (file("own.pem", own.cert.pem()), file("own.key", own.signing_key.serialize_pem()));
    let home = home.with("KASSA_TLS", "true").with("KASSA_PUBLIC_URL", "https://localhost/pay");
    let home = home.with("KASSA_TLS_CERT", &certificate).with("KASSA_TLS_KEY", &key).at_one_address();
    let binary: Binary = home.serve().await;
    assert_eq!(binary.url, "https://localhost/pay");
    let url = home.url().replace("http://127.0.0.1", "https://localhost");
    assert_eq!(ask(&Http::trusting(&own.cert.pem()), &url, &binary.key).await, Ok(404));
    assert!(!home.data().join("tls").exists(), "no authority is needed");
    assert_eq!(home.run(&["ca"]).code, Some(1));
}
