//! Card numbers, security codes and API keys that a run must not leave anywhere: not in a file, not in a
//! database, not in a log line at the loudest level, not in an answer, not in a notification.

mod canary;
mod dump;

use crate::harness::{Database, Home, Http, Reply, Shop, bare, run};
use canary::Found;
pub(crate) use canary::{Canary, find, luhn};
pub(crate) use dump::files;
use rstest::rstest;
use serde_json::{Value, json};
use std::fs;
use std::time::{Duration, Instant};

const KEY: &str = "canaryKey7Qm2Vx9Rb4Tz8Lw3";
const MAESTRO_CVC: &str = "739";
const AMEX_CVC: &str = "8317";
/// Cards of the simulator's table, used here for what no other card does. Pages name them, nothing else may.
const DECLINED: &str = "6799990000000000029";
const NO_ANSWER: &str = "6799990000000000078";

/// How long it may take until other nodes take a killed one for dead.
const DEATH: Duration = Duration::from_secs(20);

fn maestro() -> String {
    luhn("564182739164028")
}

fn amex() -> String {
    luhn("37284619057368")
}

/// Every place where something could have been left, and what is there.
#[derive(Default)]
struct Places(Vec<(String, Vec<u8>)>);

impl Places {
    fn add(&mut self, name: &str, content: impl Into<Vec<u8>>) {
        self.0.push((name.to_owned(), content.into()));
    }

    fn find(&self, canaries: &[Canary]) -> Vec<Found> {
        self.0.iter().flat_map(|(name, content)| canary::find(name, content, canaries)).collect()
    }
}

#[rstest]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_secret_is_left_anywhere(
    #[values(Database::Sqlite, Database::Postgres)] database: Database,
    #[values("text", "json")] format: &str,
) {
    let home = Home::new(database)
        .await
        .at_one_address()
        .with("KASSA_TEST_API_KEY", KEY)
        .with("KASSA_LOG", "trace")
        .with("KASSA_LOG_FORMAT", format)
        .with("KASSA_ACQUIRER_ANSWER_MS", "300")
        .with("KASSA_PAGE_WAIT_MS", "500");
    let (http, shop) = (Http::keeping(), Shop::open(KEY).await);
    let run = Run { home: &home, http: &http, shop: &shop };
    let commands = run.everything().await;

    let mut files = Places::default();
    let mut told = Places::default();
    let mut answers = Places::default();
    for path in dump::files(home.folder()) {
        let banner = path.extension().is_some_and(|kind| kind == "stdout");
        let content = fs::read(&path).unwrap();
        let content = if banner { without_greeting(&content) } else { content };
        files.add(&path.display().to_string(), content);
    }
    files.add("the database", dump::database(&home).await);
    for heard in shop.heard() {
        told.add("a notification", format!("{} {:?} {}", heard.path_and_query, heard.headers, heard.body));
    }
    assert!(told.0.len() > 4, "the shop was told of {} changes only", told.0.len());
    http.kept().into_iter().for_each(|answer| answers.add("an answer", answer));
    commands.into_iter().for_each(|output| answers.add("a command", output));

    let mut secrets = vec![Canary::card(&maestro()), Canary::card(&amex()), Canary::text(KEY)];
    secrets.extend([Canary::code(MAESTRO_CVC), Canary::code(AMEX_CVC)]);
    let listed = [Canary::card(DECLINED), Canary::card(NO_ANSWER)];
    for (place, canaries) in
        [(&files, &secrets[..]), (&files, &listed), (&told, &secrets), (&told, &listed), (&answers, &secrets)]
    {
        let found = place.find(canaries);
        assert!(found.is_empty(), "{} found, such as {:#?}", found.len(), found.first());
    }
    // The eyes are open: what may be kept is seen where it is.
    let allowed = [Canary::text(&maestro()[12..]), Canary::text(&amex()[11..])];
    for canary in &allowed {
        for place in [&files, &told, &answers] {
            assert!(!place.find(std::slice::from_ref(canary)).is_empty(), "{canary:?} is nowhere");
        }
    }
}

/// What a start prints for its operator shows the key and a test card, and is meant to.
fn without_greeting(printed: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(printed.to_vec()).unwrap();
    let meant = ["  API key ", "  curl -s http://", "Then open the payment_url of the answer"];
    text.lines()
        .filter(|line| !meant.iter().any(|meant| line.starts_with(meant)))
        .collect::<Vec<_>>()
        .join("\n")
        .into_bytes()
}

struct Run<'a> {
    home: &'a Home,
    http: &'a Http,
    shop: &'a Shop,
}

impl Run<'_> {
    /// Everything that handles a secret; what commands printed meanwhile.
    async fn everything(&self) -> Vec<String> {
        let mut binary = self.home.serve().await;
        self.calls_with_the_key_everywhere().await;
        self.slips_of_the_customer().await;

        // Killed while the customer is with the issuer; the card has to be typed again.
        let page = self.http.open(&self.place("killed", "MAESTRO").await).await.unwrap();
        let challenge = self.submit(&page, &maestro(), MAESTRO_CVC).await;
        binary.kill();
        binary = self.home.serve().await;
        let mut form = self.answer(&challenge, "Y").await;
        let began = Instant::now();
        // Where there may be other nodes, it takes a moment until this one is taken for dead.
        while !form.has("input[name=card_number]") && began.elapsed() < DEATH {
            tokio::time::sleep(Duration::from_millis(200)).await;
            form = self.http.open(form.url.as_str()).await.unwrap();
        }
        assert!(form.has("input[name=card_number]"), "{}", form.text);
        let challenge = self.submit(&form, &maestro(), MAESTRO_CVC).await;
        assert_eq!(self.answer(&challenge, "Y").await.outcome().as_deref(), Some("paid"));

        for (id, card, code, word) in [
            ("amex", amex().as_str(), AMEX_CVC, "Y"),
            ("denied", &maestro(), MAESTRO_CVC, "N"),
            ("cancelled", &amex(), AMEX_CVC, "cancel"),
            ("declined", DECLINED, MAESTRO_CVC, "Y"),
            ("no-answer", NO_ANSWER, MAESTRO_CVC, "Y"),
        ] {
            let page = self.http.open(&self.place(id, "").await).await.unwrap();
            let challenge = self.submit(&page, card, code).await;
            self.answer(&challenge, word).await;
        }
        self.cards_from_the_shop().await;
        let link = self.place("by-command", "MAESTRO").await;
        let card = ["--card", &maestro(), "--cvc", MAESTRO_CVC, "--outcome", "N"];
        let paying = run(bare(&["pay", &link]).args(card));
        assert_eq!(paying.code, Some(2), "{paying:?}");
        let audit = self.home.run(&["audit"]);
        assert_eq!(audit.code, Some(0), "{audit:?}");
        let sites = self.home.run(&["sites", "list"]);
        binary.kill();
        [paying, audit, sites].map(|ran| format!("{}\n{}", ran.stdout, ran.stderr)).into()
    }

    async fn calls_with_the_key_everywhere(&self) {
        let orders = format!("{}/v1/json/orders", self.home.url());
        // Some shops send card data although nobody asked.
        let mut order = self.order("key", "MAESTRO");
        order["gateway_info"] = json!({"card_number": maestro(), "cvc": AMEX_CVC, "card_cvc": AMEX_CVC});
        order["payment_data"] = json!({"card": {"number": maestro(), "cvc": AMEX_CVC}});
        let body = order.to_string();
        for (url, headers) in [
            (format!("{orders}?api_key={KEY}"), vec![]),
            (format!("{orders}?api_key={KEY}&api_key=wrong-{KEY}"), vec![]),
            (orders.clone(), vec![("Authorization", format!("Bearer {KEY}"))]),
            (orders.clone(), vec![("Authorization", format!("Basic {KEY}"))]),
            (orders.clone(), vec![("api_key", format!("wrong-{KEY}"))]),
        ] {
            let headers: Vec<(&'static str, &str)> =
                headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            self.http.send("POST", &url, &headers, &body).await.unwrap();
            self.http.send("GET", &url, &headers, "").await.unwrap();
            self.http
                .send("POST", &url, &headers, &format!("{{\"card_number\": \"{}", maestro()))
                .await
                .unwrap();
        }
        for path in
            ["/v1/json/orders/key", "/v1/json/orders/none", "/v1/json/nothing", "/nothing", "/connect/x/"]
        {
            let url = format!("{}{path}?api_key={KEY}", self.home.url());
            self.http.send("GET", &url, &[], "").await.unwrap();
        }
        // An order that is refused does not say what was in the field.
        for field in ["type", "gateway", "currency", "amount", "order_id", "days_active"] {
            let mut order = self.order("wrong", "MAESTRO");
            order[field] = json!({"card_number": maestro()});
            let structured = self.http.call("POST", &orders, KEY, &order.to_string()).await.unwrap();
            order[field] = format!("{0}{0}{0}{0}", maestro()).into();
            let long = self.http.call("POST", &orders, KEY, &order.to_string()).await.unwrap();
            for refused in [structured, long] {
                assert!((400..500).contains(&refused.status), "{field}: {} {}", refused.status, refused.text);
            }
        }
    }

    /// Cards that the shop sends itself: paid, refused, kept, and used again without their number.
    async fn cards_from_the_shop(&self) {
        let orders = format!("{}/v1/json/orders", self.home.url());
        let sent = |id: &str, number: &str, code: &str| {
            let mut order = self.order(id, "");
            order["type"] = json!("direct");
            order["recurring_model"] = json!("cardOnFile");
            order["customer"] = json!({"reference": "customer"});
            order["gateway_info"] = json!({
                "card_number": number, "card_holder_name": "A. Customer", "card_expiry_date": 3512,
                "card_cvc": code, "cvc": code,
            });
            order
        };
        let refused = [sent("refused", &maestro(), AMEX_CVC), sent("refused", &amex(), MAESTRO_CVC)];
        for order in refused {
            let reply = self.http.call("POST", &orders, KEY, &order.to_string()).await.unwrap();
            assert_eq!(reply.status, 400, "{}", reply.text);
        }
        let mut by_phone = sent("by-phone", &amex(), AMEX_CVC);
        by_phone["gateway_info"]["moto"] = json!(true);
        for order in [by_phone, sent("sent", &maestro(), MAESTRO_CVC)] {
            let key = [("api_key", KEY), ("idempotency-key", order["order_id"].as_str().unwrap())];
            for _ in 0..2 {
                let reply = self.http.send("POST", &orders, &key, &order.to_string()).await.unwrap();
                assert_eq!(reply.status, 200, "{}", reply.text);
                if let Some(url) = reply.json()["data"]["payment_url"].as_str()
                    && reply.json()["data"]["customer_verification"].is_object()
                {
                    let bank = self.http.open(url).await.unwrap();
                    if bank.has("select[name=transStatus]") {
                        self.answer(&bank, "Y").await;
                    }
                }
            }
        }
        let tokens = format!("{}/v1/json/recurring/customer", self.home.url());
        let tokens = self.http.call("GET", &tokens, KEY, "").await.unwrap().json();
        let tokens = tokens["data"]["tokens"].as_array().unwrap().clone();
        assert_eq!(tokens.len(), 2, "{tokens:?}");
        for (at, token) in tokens.iter().enumerate() {
            let mut order = self.order(&format!("again-{at}"), "");
            order["type"] = json!("direct");
            order["recurring_id"] = token["token"].clone();
            let reply = self.http.call("POST", &orders, KEY, &order.to_string()).await.unwrap();
            assert_eq!(reply.json()["data"]["status"], "completed", "{}", reply.text);
        }
    }

    /// Number and code in fields where they do not belong, and forms that are sent back.
    async fn slips_of_the_customer(&self) {
        let page = self.http.open(&self.place("slips", "MAESTRO").await).await.unwrap();
        let (card, amex) = (maestro(), amex());
        let spaced = canary::groups(&card, &[4, 4, 4, 4], " ");
        let wrong = format!("{}{}", &card[..15], if card.ends_with('1') { 2 } else { 1 });
        for (number, holder, expiry, code) in [
            (card.as_str(), card.as_str(), "12/35", MAESTRO_CVC),
            (&card, &spaced, "12/35", MAESTRO_CVC),
            (&card, "A. Customer", &card, MAESTRO_CVC),
            (&card, "A. Customer", &spaced, MAESTRO_CVC),
            (&card, "A. Customer", "12/35", &card),
            (&card, "", "12/35", AMEX_CVC),
            (&card, "A. Customer", "13/35", MAESTRO_CVC),
            (&wrong, "A. Customer", "12/35", MAESTRO_CVC),
            (&amex, "A. Customer", "12/35", AMEX_CVC),
            ("", "A. Customer", "12/35", AMEX_CVC),
        ] {
            let fields = [
                ("card_number", number),
                ("card_holder", holder),
                ("card_expiry", expiry),
                ("card_cvc", code),
            ];
            let again = self.http.submit(&page, &fields).await.unwrap();
            assert!(again.has("input[name=card_number]"), "{fields:?} {}", again.text);
        }
        // A form that some browser extension sent as a GET.
        let query = format!("{}&card_number={card}&card_cvc={AMEX_CVC}", page.url);
        self.http.open(&query).await.unwrap();
    }

    fn order(&self, id: &str, gateway: &str) -> Value {
        let mut order = json!({
            "type": "redirect", "order_id": id, "currency": "EUR", "amount": 1000, "description": "An order",
            "payment_options": {
                "notification_url": self.shop.url("/notification"),
                "redirect_url": self.shop.url("/thanks"),
                "cancel_url": self.shop.url("/cancelled"),
            },
        });
        if !gateway.is_empty() {
            order["gateway"] = gateway.into();
        }
        order
    }

    async fn place(&self, id: &str, gateway: &str) -> String {
        let url = format!("{}/v1/json/orders?api_key={KEY}", self.home.url());
        let reply = self.http.call("POST", &url, KEY, &self.order(id, gateway).to_string()).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.json()["data"]["payment_url"].as_str().unwrap().to_owned()
    }

    async fn submit(&self, page: &Reply, card: &str, code: &str) -> Reply {
        let fields = [
            ("card_number", card),
            ("card_holder", "A. Customer"),
            ("card_expiry", "12/35"),
            ("card_cvc", code),
        ];
        let challenge = self.http.submit(page, &fields).await.unwrap();
        assert!(challenge.has("select[name=transStatus]"), "{}", challenge.text);
        challenge
    }

    async fn answer(&self, challenge: &Reply, word: &str) -> Reply {
        let page = self.http.submit(challenge, &[("transStatus", word)]).await.unwrap();
        let url = format!("{}/v1/json/orders/{}?api_key={KEY}", self.home.url(), "killed");
        self.http.send("GET", &url, &[], "").await.unwrap();
        page
    }
}
