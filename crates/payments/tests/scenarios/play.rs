//! The orders of one shop, and what its changes leave in the other tables.

use crate::always;
use crate::words::{Word, approved, shorthand, wait};
use payments::card::{Brand, Gateway};
use payments::change::{Change, Job};
use payments::decide::{Command, NewOrder, Outcome, Placing, Refused, Turn, decide, place};
use payments::ids::{OrderId, SessionId, SiteId, TokenId, TransactionId};
use payments::ledger::{Account, Step, Transfer};
use payments::money::{Amount, Currency};
use payments::movement::RefundState;
use payments::order::{Order, Terms};
use payments::session::LIFETIME_DEFAULT;
use payments::time::{Millis, Timestamp};
use payments::transaction::{Capturing, Settlement, State};
use std::collections::{BTreeMap, BTreeSet};

const SITE: SiteId = SiteId(7);
/// The order that `place` places; captured parts are `part-1` and so on.
pub(crate) const PLACED: &str = "my-order-id-1";

/// A token of an earlier order.
pub(crate) fn known_token() -> TokenId {
    TokenId::parse("998163177297134120").unwrap()
}

/// An order with its ledger and its notifications.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) order: Order,
    pub(crate) balances: BTreeMap<Account, i64>,
    posted: BTreeSet<(TransactionId, Step)>,
    told: u32,
}

/// What became of a kept card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Waiting,
    Usable,
    Dropped,
}

/// Orders of one shop, and a clock.
#[derive(Debug)]
pub(crate) struct Scenario {
    pub(crate) books: BTreeMap<String, Book>,
    /// What is to be done, about which order, and when.
    pub(crate) jobs: BTreeMap<Job, (String, Timestamp)>,
    pub(crate) tokens: BTreeMap<TokenId, Kept>,
    pub(crate) now: Timestamp,
    pub(crate) brand: Brand,
    pub(crate) settlement: Settlement,
    sessions: Vec<SessionId>,
    drawn: u32,
    amount: i64,
    capturing: Capturing,
    /// Whether the acquirer has to be told to collect.
    pub(crate) completes_by_advice: bool,
}

impl Book {
    fn new(order: Order) -> Self {
        Self { order, balances: BTreeMap::new(), posted: BTreeSet::new(), told: 0 }
    }

    fn post(&mut self, of: TransactionId, step: Step, transfer: Transfer) {
        assert!(self.posted.insert((of, step)), "{step:?} is posted once");
        assert!(transfer.amount.minor > 0, "{step:?} moves something");
        *self.balances.entry(transfer.debit).or_default() -= transfer.amount.minor;
        *self.balances.entry(transfer.credit).or_default() += transfer.amount.minor;
    }
}

impl Scenario {
    pub(crate) fn new() -> Self {
        Self {
            books: BTreeMap::new(),
            jobs: BTreeMap::new(),
            tokens: BTreeMap::from([(known_token(), Kept::Usable)]),
            now: Timestamp(1_795_000_000_000),
            brand: Brand::Maestro,
            settlement: Settlement::Gateway,
            sessions: Vec::new(),
            drawn: 0,
            amount: 1_000,
            capturing: Capturing::Immediate,
            completes_by_advice: false,
        }
    }

    /// The order that a word is about.
    pub(crate) fn order_of(&self, word: &str) -> &Order {
        &self.book(Word::parse(word)).order
    }

    /// How often the shop was told of it.
    pub(crate) fn told_about(&self, word: &str) -> u32 {
        self.book(Word::parse(word)).told
    }

    pub(crate) fn book(&self, word: Word<'_>) -> &Book {
        self.books.get(word.order).unwrap_or_else(|| panic!("{} does not exist", word.order))
    }

    /// One word happens, or is refused.
    pub(crate) fn step(&mut self, text: &str) -> Result<(), Refused> {
        if let Some(script) = shorthand(text) {
            return script.split_whitespace().try_for_each(|word| self.step(word));
        }
        if self.prepare(text) {
            return Ok(());
        }
        self.now = self.now.plus(Millis(1));
        if let Some(length) = wait(text) {
            self.now = self.now.plus(length);
            return Ok(());
        }
        let word = Word::parse(text);
        let changes = match word.verb {
            "see" => return Ok(()),
            "due" => {
                self.fire();
                return Ok(());
            }
            "place" => self.place(1)?,
            "place-other" => self.place(2)?,
            _ => self.decided(text)?,
        };
        self.commit(word.order, text, &changes);
        Ok(())
    }

    /// What a word leads to, uncommitted.
    pub(crate) fn decided(&mut self, text: &str) -> Result<Vec<Change>, Refused> {
        let word = Word::parse(text);
        let command = self.command(word);
        decide(&self.book(word).order, command, self.now)
    }

    fn prepare(&mut self, word: &str) -> bool {
        match word {
            "visa" => self.brand = Brand::Visa,
            "mastercard" => self.brand = Brand::Mastercard,
            "amex" => self.brand = Brand::Amex,
            "own-amex" => (self.brand, self.settlement) = (Brand::Amex, Settlement::Scheme),
            "manual" => self.capturing = Capturing::Manual,
            "by-advice" => self.completes_by_advice = true,
            "amount:0" => self.amount = 0,
            _ => return false,
        }
        true
    }

    fn draw(&mut self) -> u32 {
        self.drawn += 1;
        self.drawn
    }

    pub(crate) fn draw_id(&mut self) -> TransactionId {
        let drawn = self.draw();
        TransactionId::new(self.now.unix_seconds(), drawn)
    }

    /// The session that the order was first placed with.
    pub(crate) fn first_session(&self) -> SessionId {
        self.sessions[0].clone()
    }

    pub(crate) fn draw_token(&mut self) -> TokenId {
        TokenId::draw(u128::from(self.draw()).to_le_bytes())
    }

    pub(crate) fn draw_note(&mut self) -> String {
        self.draw().to_string()
    }

    pub(crate) fn draw_session(&mut self) -> SessionId {
        let mut random = [0; 32];
        random[..4].copy_from_slice(&self.draw().to_be_bytes());
        SessionId::draw(SITE, Timestamp(0), &random).expect("fewer than 248 are drawn")
    }

    fn place(&mut self, digest: u8) -> Result<Vec<Change>, Refused> {
        let new = NewOrder {
            site: SITE,
            id: OrderId::parse(PLACED).unwrap(),
            terms: Terms {
                gateway: Some(Gateway::Brand(self.brand)),
                amount: Amount::new(self.amount, Currency::parse("EUR").unwrap()),
                description: "Test order description".to_owned(),
                capturing: self.capturing,
                recurring: None,
                details: format!("{{\"n\":{digest}}}"),
            },
            lifetime: LIFETIME_DEFAULT,
            session: self.draw_session(),
            digest: [digest; 32],
        };
        match place(self.books.get(PLACED).map(|book| &book.order), new, self.now)? {
            Placing::Same => Ok(Vec::new()),
            Placing::Opened(changes) => Ok(changes),
        }
    }

    /// Every timer that is due fires; what speaks to the acquirer is left to the words for its answers.
    fn fire(&mut self) {
        let due = self.jobs.iter().filter(|(_, (_, at))| *at <= self.now);
        let due: Vec<(Job, String)> = due.map(|(job, (order, _))| (job.clone(), order.clone())).collect();
        for (job, id) in due {
            if let Some(command) = timer(&self.books[&id].order, &job) {
                self.run_job(&job, &id, command);
            }
        }
    }

    /// All work is done when it is due, by an acquirer that answers, until there is none left.
    pub(crate) fn settle(&mut self) {
        for _ in 0..100 {
            let next = self.jobs.iter().min_by_key(|(_, (_, at))| *at);
            let Some((job, (id, at))) = next.map(|(job, due)| (job.clone(), due.clone())) else {
                return;
            };
            self.now = self.now.plus(Millis(1)).max(at);
            let order = &self.books[&id].order;
            let command = timer(order, &job).unwrap_or_else(|| answer(order, &job));
            self.run_job(&job, &id, command);
        }
        panic!("there is no end to {:?}", self.jobs);
    }

    fn run_job(&mut self, job: &Job, id: &str, command: Command) {
        let changes = decide(&self.books[id].order, command, self.now).expect("a job is never refused");
        self.commit(id, "due", &changes);
        assert!(self.jobs.get(job).is_none_or(|(_, at)| *at >= self.now), "{job:?} is done or waits");
    }

    fn commit(&mut self, id: &str, text: &str, changes: &[Change]) {
        if changes.is_empty() {
            return;
        }
        let known = self.books.remove(id);
        let before = known.as_ref().map(|book| book.order.clone());
        let after = Order::after(before.as_ref(), changes, self.now).expect("placed first");
        let mut book = known.unwrap_or_else(|| Book::new(after.clone()));
        book.order = after;
        for change in changes {
            match change {
                Change::NotificationDue => book.told += 1,
                Change::Transferred { transaction, step, transfer } => {
                    book.post(*transaction, *step, *transfer);
                }
                Change::PartCaptured { order, collect } => {
                    let mut part = Book::new((**order).clone());
                    if let Some(transfer) = collect {
                        part.post(part.order.transactions[0].id, Step::Collect, *transfer);
                    }
                    let known = self.books.insert(order.id.as_str().to_owned(), part);
                    assert!(known.is_none(), "a part is an order of its own");
                }
                Change::JobDue { job, at } => {
                    self.jobs.insert(job.clone(), (id.to_owned(), *at));
                }
                Change::JobDone(job) => {
                    self.jobs.remove(job);
                }
                Change::TokenKept(token) => self.keep(token.id, Kept::Waiting, None),
                Change::TokenUsable { token, .. } => self.keep(*token, Kept::Usable, Some(Kept::Waiting)),
                Change::TokenDropped(token) => self.keep(*token, Kept::Dropped, Some(Kept::Waiting)),
                Change::OrderPlaced(order) => self.sessions.push(order.session.id.clone()),
                Change::SessionOpened(session) => self.sessions.push(session.id.clone()),
                Change::TermsReplaced(_)
                | Change::SessionEnded { .. }
                | Change::AttemptCounted { .. }
                | Change::TransactionOpened(_)
                | Change::TransactionMoved(_)
                | Change::MovementOpened(_)
                | Change::MovementMoved(_)
                | Change::Shipped { .. }
                | Change::Annotated(_) => {}
            }
        }
        self.books.insert(id.to_owned(), book);
        always::check(self, id, before.as_ref(), text, changes);
    }

    /// A card is kept once, and then becomes usable or is dropped, once.
    fn keep(&mut self, token: TokenId, now: Kept, before: Option<Kept>) {
        assert_eq!(self.tokens.insert(token, now), before, "before it was {now:?}");
    }
}

/// What a job that waits for a moment does when the moment has come.
fn timer(order: &Order, job: &Job) -> Option<Command> {
    Some(match job {
        Job::ExpireSession(session) => Command::ExpireSession { session: session.clone() },
        Job::ExpireTransaction(id) => Command::ExpireTransaction { transaction: *id },
        Job::ExpireAuthorisation(id) => Command::ExpireAuthorisation { transaction: *id },
        Job::EndDispute(id) => Command::Disputed { chargeback: *id, turn: Turn::TimeOver },
        Job::EndReview(id) => match order.transaction(*id).map(|found| &found.state) {
            Some(State::Uncleared { review, .. }) => {
                Command::ReviewEnded { transaction: *id, verdict: review.verdict }
            }
            other => panic!("the end of a review is due, but it is {other:?}"),
        },
        Job::ResolveUnknown(_)
        | Job::ReleaseApproval(_)
        | Job::SendCapture(_)
        | Job::SendCompletion(_)
        | Job::SendRefund(_) => return None,
    })
}

/// What a job that speaks to the acquirer leads to: it never saw an authorisation, and does whatever else it is told.
fn answer(order: &Order, job: &Job) -> Command {
    match job {
        Job::ResolveUnknown(id) => match order.transaction(*id).map(|found| &found.state) {
            Some(State::Authorising) => Command::AnswerOverdue { transaction: *id },
            Some(State::Unknown { .. }) => {
                Command::InquiryAnswered { transaction: *id, outcome: Outcome::Unknown, not_found: true }
            }
            Some(State::Reversing { .. }) => {
                Command::ReversalAnswered { transaction: *id, acknowledged: true }
            }
            other => panic!("an outcome is asked for, but it is {other:?}"),
        },
        Job::ReleaseApproval(id) => Command::ApprovalReleased { transaction: *id },
        Job::SendCapture(id) => Command::CaptureAcknowledged { capture: *id },
        Job::SendCompletion(id) => Command::CompletionAcknowledged { transaction: *id },
        Job::SendRefund(id) => match order.movement(*id).and_then(|found| found.refund()) {
            Some(RefundState::Reserved) => Command::SendRefund { refund: *id },
            Some(_) => Command::RefundAnswered { refund: *id, outcome: approved(1, None) },
            None => panic!("{id} is no refund"),
        },
        Job::ExpireSession(_)
        | Job::ExpireTransaction(_)
        | Job::ExpireAuthorisation(_)
        | Job::EndDispute(_)
        | Job::EndReview(_) => panic!("{job:?} is a timer"),
    }
}
