//! The store's contract: one suite, run on both engines.

mod answers;
mod authentications;
mod backlog;
mod balances;
mod book;
// The test databases of `tests/it`.
#[path = "../../tests/it/harness/database.rs"]
mod database;
mod events;
mod groups;
mod history;
mod jobs;
mod list;
mod looks;
mod lost_commits;
mod migrating;
mod movements;
mod nodes;
mod notifications;
mod open_to_buy;
mod orders;
mod proxy;
mod sealed;
mod second_tries;
mod seen;
mod site_about;
mod sites;
mod tokens;
mod traces;
mod webhook_secrets;

use super::db::{Statement, WriteError, statement};
use super::{Location, NewSite, Store};
use crate::random::Random;
use database::Database;
use payments::card::{Brand, CardSummary, Expiry, Gateway};
use payments::change::Change;
use payments::decide::{Attempt, Command, NewOrder, Outcome, Placing, Route, Screening, decide, place};
use payments::ids::{OrderId, SESSION_RANDOM, SessionId, SiteId, TransactionId};
use payments::money::{Amount, Currency};
use payments::order::{Order, Terms};
use payments::ranges::{Funding, Issued};
use payments::threeds::{Authentication, Flow, TransStatus};
use payments::time::{Millis, Timestamp};
use payments::transaction::{Approval, Capturing, Settlement, Verdict};
use tempfile::TempDir;

const SITE: SiteId = SiteId(1);
const NOW: Timestamp = Timestamp(1_795_348_800_000);

/// An open store with one site.
struct Bench {
    store: Store,
    location: Location,
    random: Random,
    _folder: TempDir,
}

impl Store {
    /// A commit without an answer to keep.
    async fn commit(
        &self,
        site: SiteId,
        order: &OrderId,
        known: Option<&Order>,
        changes: &[Change],
        now: Timestamp,
    ) -> Result<(), WriteError> {
        self.commit_answering(site, order, known, changes, None, now).await
    }
}

fn eur(minor: i64) -> Amount {
    Amount::new(minor, Currency::parse("EUR").unwrap())
}

fn id(text: &str) -> OrderId {
    OrderId::parse(text).unwrap()
}

/// The time after this many seconds.
fn after(seconds: i64) -> Timestamp {
    NOW.plus(Millis::seconds(seconds))
}

/// The order as it has to be once `changes` are committed.
fn changed(order: &Order, changes: &[Change], now: Timestamp) -> Order {
    let mut next = order.clone();
    next.modified_at = order.modified_by(changes, now);
    changes.iter().for_each(|change| next.apply(change));
    next.version += 1;
    next
}

impl Bench {
    async fn open(database: Database) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let location = database.create(folder.path()).await;
        let store = Store::open(&location).await.unwrap();
        let new = NewSite { name: "Test shop".to_owned(), live: false, own_amex: false };
        store.create_site(SITE, &new, NOW).await.unwrap();
        Self { store, location, random: Random::seeded(7), _folder: folder }
    }

    /// Another node on the same database.
    async fn another(&self) -> Store {
        Store::open(&self.location).await.unwrap()
    }

    fn session(&self) -> SessionId {
        let mut bytes = [0; SESSION_RANDOM * 2];
        self.random.fill(&mut bytes);
        SessionId::draw(SITE, NOW, &bytes).unwrap()
    }

    fn request(&self, order: &str, minor: i64) -> NewOrder {
        NewOrder {
            site: SITE,
            id: id(order),
            terms: Terms {
                gateway: Some(Gateway::Brand(Brand::Maestro)),
                amount: eur(minor),
                description: "A \"description\" with é, 😀 and \\".to_owned(),
                capturing: Capturing::Immediate,
                recurring: None,
                details: "{}".to_owned(),
            },
            lifetime: Millis::days(30),
            session: self.session(),
            digest: [u8::try_from(minor % 251).unwrap(); 32],
        }
    }

    /// Places an order for 10 euros.
    async fn place(&self, order: &str) -> Order {
        let Placing::Opened(changes) = place(None, self.request(order, 1_000), NOW).unwrap() else {
            panic!("a new order opens a session");
        };
        self.store.commit(SITE, &id(order), None, &changes, NOW).await.unwrap();
        let Change::OrderPlaced(placed) = &changes[0] else { panic!("{changes:?}") };
        Order { version: 1, ..(**placed).clone() }
    }

    /// The changes of a request for other terms.
    fn replacing(&self, order: &Order, minor: i64) -> Vec<Change> {
        match place(Some(order), self.request(order.id.as_str(), minor), NOW).unwrap() {
            Placing::Opened(changes) => changes,
            Placing::Same => panic!("other terms open another session"),
        }
    }

    /// Decides and commits; the order as it then has to be.
    async fn run(&self, order: &Order, command: Command, now: Timestamp) -> Order {
        let changes = decide(order, command, now).unwrap();
        self.store.commit(SITE, &order.id, Some(order), &changes, now).await.unwrap();
        changed(order, &changes, now)
    }

    /// As it is in the database.
    async fn load(&self, order: &str) -> Option<Order> {
        self.store.load_anew(SITE, &id(order)).await.unwrap()
    }

    /// A number that the store does not tell by itself.
    async fn number(&self, sql: &'static str) -> i64 {
        let rows = self.store.db.read(statement(sql, [])).await.unwrap();
        rows.into_iter().next().unwrap().columns().int().unwrap()
    }
}

fn submit(order: &Order, transaction: i64) -> Command {
    Command::SubmitCard(Box::new(Attempt {
        session: order.session.id.clone(),
        transaction: TransactionId(transaction),
        card: CardSummary {
            brand: Brand::Maestro,
            bin: Some("679999".to_owned()),
            last4: "0011".to_owned(),
            expiry: Expiry::parse_yymm("3512").unwrap(),
            holder: "Zoë O'Hara".to_owned(),
            issued: Issued {
                country: Some("NL".to_owned()),
                funding: Some(Funding::Debit),
                product: Some("MSI".to_owned()),
            },
        },
        settlement: Settlement::Gateway,
        screening: Screening::Clear,
        route: Route::Authenticate,
        completes_by_advice: false,
        token: None,
    }))
}

fn authenticated(transaction: i64) -> Command {
    Command::Authenticated {
        transaction: TransactionId(transaction),
        authentication: Authentication {
            status: TransStatus::Authenticated,
            flow: Flow::Challenge,
            reason: Some("01".to_owned()),
            cancel: Some("02".to_owned()),
            eci: Some("02".to_owned()),
            cavv: Some("AAAA".to_owned()),
            ds_transaction_id: Some("ds".to_owned()),
            acs_transaction_id: Some("acs".to_owned()),
            version: "2.2.0".to_owned(),
        },
        card_at_hand: true,
        answer_within: Millis::seconds(20),
    }
}

fn approved(transaction: i64, fraud_score: u8) -> Command {
    let approval = Approval {
        authorization_code: "012345".to_owned(),
        response_code: "00".to_owned(),
        fraud_score,
        cvc_result: Some("M".to_owned()),
    };
    let review = Some((Millis::minutes(3), Verdict::Reject));
    answered(transaction, Outcome::Approved { approval, review })
}

fn answered(transaction: i64, outcome: Outcome) -> Command {
    Command::AuthorisationAnswered { transaction: TransactionId(transaction), outcome }
}
