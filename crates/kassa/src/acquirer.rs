//! The acquirer behind one narrow interface: authorise, ask, undo, collect, pay back. Its answer to a payment is
//! approved, declined or unknown, and unknown is a normal answer.
//!
//! Everything goes over a [`Link`](link::Link) in ISO 8583 messages, also to the host that is built in. Before a message leaves,
//! its numbers are in the store: what has no [`Trace`] was never sent, and what has one is repeated under the same
//! numbers or not at all.

mod answers;
mod authorise;
mod check;
mod line;
pub(crate) mod link;
pub(crate) mod live;
pub(crate) mod messages;
mod numbers;
mod response_codes;
mod stamps;
pub(crate) mod status;
pub(crate) mod terminal;
mod way;

pub(crate) use answers::{IN_PART, NOT_FOUND};

use crate::cards_in_hand::Card;
use crate::clock::Clock;
use crate::keys::KeyRing;
use crate::random::Random;
use crate::simulator::acquirer_host::faults::Planned;
use crate::simulator::acquirer_host::{self as host, AcquirerHost};
use crate::store::trace::{Mark, Operation, Trace};
use crate::store::{Site, Store};
use answers::{Said, is_about_original};
use anyhow::Context as _;
use iso8583::{Message, Mti};
use line::{BuiltIn, Line, Lines};
use link::{LateAnswers, Lost, Settings};
use live::Prepared;
use messages::{APPROVED_IN_PART, GIVEN_BACK, Speaker, TIMED_OUT};
use numbers::{Numbers, Subject};
use payments::card::Brand;
use payments::decide::Outcome;
use payments::ids::{SiteId, TransactionId};
use payments::money::{Amount, Currency};
use payments::movement::Movement;
use payments::order::Order;
use payments::time::Millis;
use payments::transaction::{State, Transaction};
use std::sync::Arc;
use std::time::Duration;
use terminal::Terminal;
use tokio::time::Instant;

/// The links to the hosts that charge cards, and what is kept about what goes over them.
#[derive(Clone, Debug)]
pub(crate) struct Acquirer {
    lines: Arc<Lines>,
    numbers: Numbers,
    store: Store,
    patience: Patience,
}

/// How long answers are waited for at a host of which nobody said otherwise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    pub(crate) authorisation: Millis,
    /// Everything else: an inquiry, a reversal, a capture, a refund.
    pub(crate) advice: Millis,
}

/// How long anything but an authorisation is waited for at most. Two of them fit into a job's lease.
pub(crate) const ADVICE_WITHIN: Millis = Millis::seconds(10);

/// A host, and who a site is to it.
struct Counter {
    line: Arc<Line>,
    terminal: Terminal,
}

impl Acquirer {
    /// The built-in host for test sites, and these for the sites that they name. Needs a runtime.
    pub(crate) fn open(
        store: Store,
        clock: &Clock,
        random: &Random,
        patience: Patience,
        keys: Arc<KeyRing>,
        others: Vec<Prepared>,
    ) -> (Self, LateAnswers) {
        let merchants = host::Merchants::TestSites;
        let host = AcquirerHost::new(store.clone(), clock.clone(), random.clone(), merchants, keys);
        let (late, late_answers) = LateAnswers::channel();
        let open = |other: Prepared| Arc::new(other.open(clock.clone(), random.clone(), &late));
        let others = others.into_iter().map(open).collect();
        let settings = Settings::new(clock.clone(), random.clone());
        let built_in = BuiltIn::open(host, settings, late.clone());
        let numbers = Numbers::new(store.clone(), clock.clone());
        let lines = Arc::new(Lines { built_in, others });
        (Self { lines, numbers, store, patience }, late_answers)
    }

    /// From now on the built-in host does this to a site, and nothing else.
    pub(crate) fn plan_faults(&self, site: SiteId, planned: Planned, seed: u64) {
        self.lines.built_in.plan(site, planned, seed);
    }

    /// Whether a host knows the site: a live one only if an acquirer of the configuration names it.
    pub(crate) fn serves(&self, site: &Site) -> bool {
        self.lines.of(site.id).serves(site)
    }

    /// Whether the site's host collects in this currency.
    pub(crate) fn collects(&self, site: &Site, currency: Currency) -> bool {
        self.lines.of(site.id).collects(currency)
    }

    /// How long the site's host may take to answer an authorisation before its outcome is unknown.
    pub(crate) fn answer_within(&self, site: SiteId) -> Millis {
        self.lines.of(site).answer_within.unwrap_or(self.patience.authorisation)
    }

    /// Whether the site's host has to be told to collect what was approved.
    pub(crate) fn completes_by_advice(&self, site: SiteId) -> bool {
        self.lines.of(site).dialect.completion
    }

    /// What it is still to do wrong.
    pub(crate) fn planned_faults(&self, site: SiteId) -> Planned {
        self.lines.built_in.planned(site)
    }

    /// Sends an authorisation whose intent is committed. Whatever keeps the answer away makes it unknown.
    pub(super) async fn authorise(
        &self,
        order: &Order,
        transaction: &Transaction,
        card: &Card,
        within: Duration,
    ) -> Outcome {
        let sent = self.send_authorisation(order, transaction, card, within).await;
        sent.unwrap_or_else(|error| {
            tracing::error!(transaction.id = %transaction.id, error = format!("{error:#}"),
                "an authorisation failed; its outcome will be asked for");
            Outcome::Unknown
        })
    }

    async fn send_authorisation(
        &self,
        order: &Order,
        transaction: &Transaction,
        card: &Card,
        within: Duration,
    ) -> anyhow::Result<Outcome> {
        let counter = self.find_counter(order.site).await?;
        let (brand, currency) = (transaction.card.brand, transaction.amount.currency);
        let Some(counter) = counter.filter(|counter| counter.line.collects(currency)) else {
            tracing::error!(order.id = %order.id, "no acquirer collects for this site in this currency");
            return Ok(Outcome::Declined { response_code: INOPERATIVE.to_owned() });
        };
        let subject = subject(order, transaction.id, Operation::Authorise);
        let opened = self.numbers.open(subject, &counter.terminal, Mti::AUTHORISATION_REQUEST).await?;
        // It may have been sent before: then it is found out what became of it, and nothing is sent as new.
        let Some(trace) = opened else {
            return Ok(Outcome::Unknown);
        };
        let message = counter.speaker().authorisation(&trace, transaction, card)?;
        let answer = match counter.line.exchange(message, brand, Instant::now() + within).await {
            Ok(answer) => answer,
            Err(Lost::NoAnswer) => return Ok(Outcome::Unknown),
            Err(Lost::NotSent(why)) => {
                tracing::warn!(transaction.id = %transaction.id, ?why, "an authorisation was not sent");
                return Ok(Outcome::Declined { response_code: INOPERATIVE.to_owned() });
            }
        };
        self.judge(order, transaction, &answer).await
    }

    /// What an answer to an authorisation comes to. What was approved in part only is reversed first: the order is
    /// for all of it.
    async fn judge(
        &self,
        order: &Order,
        transaction: &Transaction,
        answer: &Message,
    ) -> anyhow::Result<Outcome> {
        match Said::of(answer, transaction.card.brand, transaction.amount.is_zero()) {
            Said::Final(outcome) => Ok(outcome),
            Said::NotFound => Ok(Outcome::Unknown),
            Said::InPart => {
                let undone = self.undo(order, transaction, APPROVED_IN_PART).await?;
                let declined = Outcome::Declined { response_code: IN_PART.to_owned() };
                Ok(if undone { declined } else { Outcome::Unknown })
            }
        }
    }

    /// Asks what became of an authorisation: the outcome, and whether the host never saw it, which is also said of
    /// a host that cannot be asked.
    pub(crate) async fn inquire(
        &self,
        order: &Order,
        transaction: &Transaction,
    ) -> anyhow::Result<(Outcome, bool)> {
        let original = self.store.trace(order.site, transaction.id, Operation::Authorise).await?;
        let can_ask = self.lines.of(order.site).dialect.has_inquiry;
        let Some(original) = original.filter(|trace| trace.sends > 0 && can_ask) else {
            return Ok((Outcome::Unknown, true));
        };
        let Some(answer) = self.ask(&original, transaction.card.brand, transaction.amount).await? else {
            return Ok((Outcome::Unknown, false));
        };
        if Said::of(&answer, transaction.card.brand, false) == Said::NotFound {
            return Ok((Outcome::Unknown, true));
        }
        Ok((self.judge(order, transaction, &answer).await?, false))
    }

    /// Tells the host to undo an authorisation, or to give back what is left of it; whether it acknowledged.
    pub(crate) async fn reverse(&self, order: &Order, transaction: &Transaction) -> anyhow::Result<bool> {
        let why = if matches!(transaction.state, State::Void { .. }) { GIVEN_BACK } else { TIMED_OUT };
        self.undo(order, transaction, why).await
    }

    async fn undo(&self, order: &Order, transaction: &Transaction, why: &str) -> anyhow::Result<bool> {
        let counter = self.counter(order.site).await?;
        let authorise = subject(order, transaction.id, Operation::Authorise);
        let original = match self.store.trace(order.site, transaction.id, Operation::Authorise).await? {
            Some(original) => original,
            // Nothing was sent, and from now on nothing will be.
            None if self.numbers.forbid(authorise, &counter.terminal, Mti::AUTHORISATION_REQUEST).await? => {
                return Ok(true);
            }
            None => anyhow::bail!("authorisation {} leaves at this moment", transaction.id),
        };
        if original.sends == 0 {
            return Ok(true);
        }
        let by_advice = counter.line.dialect.reverses_by_advice;
        let mti = if by_advice { Mti::REVERSAL_ADVICE } else { Mti::REVERSAL_REQUEST };
        let subject = subject(order, transaction.id, Operation::Reverse);
        let trace = self.numbers.open_or_again(subject, &counter.terminal, mti, &original).await?;
        let captures = order.movements.iter();
        let captures = captures.filter(|movement| movement.is_capture() && movement.of == transaction.id);
        let kept_minor = captures.map(|capture| capture.amount.minor).fold(0, i64::saturating_add);
        let approval = transaction.approval().map(|approval| approval.authorization_code.as_str());
        let message =
            counter.speaker().reversal(&trace, &original, transaction.amount, why, kept_minor, approval);
        // Undone, or never known: both end it.
        Ok(match self.exchange(&counter, transaction.card.brand, message).await {
            Some(answer) => match answer.response_code() {
                Some("00" | NOT_FOUND) => true,
                code => {
                    tracing::error!(transaction.id = %transaction.id, code, "a reversal was not accepted");
                    false
                }
            },
            None => false,
        })
    }

    /// Tells the host of a capture; whether it acknowledged.
    pub(crate) async fn capture(&self, order: &Order, movement: &Movement) -> anyhow::Result<Told> {
        let Some(payment) = order.transaction(movement.of) else {
            anyhow::bail!("capture {} is of nothing", movement.id);
        };
        self.advise(order, payment, movement.id, movement.amount).await
    }

    /// Tells the host to collect a payment; whether it acknowledged.
    pub(crate) async fn complete(&self, order: &Order, payment: &Transaction) -> anyhow::Result<Told> {
        self.advise(order, payment, payment.id, payment.amount).await
    }

    /// Tells the host that this much of a payment is to be collected. An advice is never refused: what the host
    /// thinks of it is for people to sort out.
    async fn advise(
        &self,
        order: &Order,
        payment: &Transaction,
        reference: TransactionId,
        amount: Amount,
    ) -> anyhow::Result<Told> {
        let counter = self.counter(order.site).await?;
        let original = self.original(order.site, payment.authorisation()).await?;
        let subject = subject(order, reference, Operation::Capture);
        let trace =
            self.numbers.open_or_again(subject, &counter.terminal, Mti::FINANCIAL_ADVICE, &original).await?;
        let approval = payment.approval().map(|approval| approval.authorization_code.as_str());
        let message = counter.speaker().capture(&trace, &original, amount, approval);
        let Some(answer) = self.exchange(&counter, payment.card.brand, message).await else {
            return Ok(Told::NotYet { times: u32::try_from(trace.sends).unwrap_or(u32::MAX) });
        };
        if answer.response_code() != Some("00") {
            let code = answer.response_code();
            tracing::error!(transaction.id = %reference, code, "the acquirer disagrees with a capture");
        }
        Ok(Told::Acknowledged)
    }

    /// Sends a refund whose intent is committed, the first time or again under the same numbers, which the host pays
    /// once. Whatever keeps the answer away makes it unknown.
    pub(crate) async fn refund(&self, order: &Order, movement: &Movement) -> Outcome {
        let sent = self.send_refund(order, movement).await;
        sent.unwrap_or_else(|error| {
            tracing::error!(transaction.id = %movement.id, error = format!("{error:#}"),
                "a refund failed; its outcome will be asked for");
            Outcome::Unknown
        })
    }

    async fn send_refund(&self, order: &Order, movement: &Movement) -> anyhow::Result<Outcome> {
        let Some(payment) = order.transaction(movement.of) else {
            anyhow::bail!("refund {} is of nothing", movement.id);
        };
        let counter = self.counter(order.site).await?;
        let original = self.original(order.site, payment.authorisation()).await?;
        let subject = subject(order, movement.id, Operation::Refund);
        let trace =
            self.numbers.open_or_again(subject, &counter.terminal, Mti::FINANCIAL_REQUEST, &original).await?;
        let message = counter.speaker().refund(&trace, &original, movement.amount);
        let answer = self.exchange(&counter, payment.card.brand, message).await;
        Ok(answer.map_or(Outcome::Unknown, |answer| final_word(&answer, payment.card.brand)))
    }

    /// Asks what became of a refund: the outcome, and whether the host never saw it.
    pub(crate) async fn inquire_refund(
        &self,
        order: &Order,
        movement: &Movement,
    ) -> anyhow::Result<(Outcome, bool)> {
        let trace = self.store.trace(order.site, movement.id, Operation::Refund).await?;
        let can_ask = self.lines.of(order.site).dialect.has_inquiry;
        let (Some(trace), Some(payment)) = (trace.filter(|_| can_ask), order.transaction(movement.of)) else {
            return Ok((Outcome::Unknown, true));
        };
        let answer = self.ask(&trace, payment.card.brand, movement.amount).await?;
        let Some(answer) = answer else { return Ok((Outcome::Unknown, false)) };
        let not_found = Said::of(&answer, payment.card.brand, false) == Said::NotFound;
        Ok((final_word(&answer, payment.card.brand), not_found))
    }

    /// Which message a late answer is to; `None` for one that this gateway never sent.
    pub(super) async fn asked(&self, answer: &Message) -> anyhow::Result<Option<Trace>> {
        let (Some(terminal), Some(sent), Some(stan)) = (answer.text(41), answer.text(7), answer.stan())
        else {
            return Ok(None);
        };
        let terminal = terminal.trim_end();
        for site in self.lines.sites_at(terminal) {
            if let Some(trace) = self.store.trace_of_numbers(site, terminal, sent, stan).await? {
                return Ok(Some(trace));
            }
        }
        Ok(None)
    }

    /// An answer about a card of `brand` in the standard's response codes.
    pub(super) fn translate(&self, site: SiteId, answer: Message, brand: Brand) -> Message {
        self.lines.of(site).translate(answer, brand)
    }

    /// What the host says about an earlier message; `None` when it says nothing.
    async fn ask(&self, original: &Trace, brand: Brand, amount: Amount) -> anyhow::Result<Option<Message>> {
        let counter = self.counter(original.site).await?;
        let (site, zone) = (original.site, &counter.terminal.zone);
        let (stan, stamps) = self.numbers.draw(site, &original.mark.terminal, zone).await?;
        let mark = Mark { stan, transmission: stamps.transmission, ..original.mark.clone() };
        let message = counter.speaker().inquiry(&mark, &stamps.local_time, original, amount);
        let answer = self.exchange(&counter, brand, message).await;
        Ok(answer.filter(is_about_original))
    }

    async fn exchange(&self, counter: &Counter, brand: Brand, message: Message) -> Option<Message> {
        let (mti, line) = (message.mti(), &counter.line);
        let within = line.answer_within.map_or(self.patience.advice, |within| within.min(ADVICE_WITHIN));
        let answer = line.exchange(message, brand, Instant::now() + duration(within)).await;
        let unanswered = |lost: &Lost| {
            tracing::warn!(acquirer = line.name, %mti, ?lost, "the acquirer's host did not answer");
        };
        answer.inspect_err(unanswered).ok()
    }

    async fn original(&self, site: SiteId, authorisation: TransactionId) -> anyhow::Result<Trace> {
        let trace = self.store.trace(site, authorisation, Operation::Authorise).await?;
        trace.with_context(|| format!("authorisation {authorisation} has no trace"))
    }

    async fn counter(&self, site: SiteId) -> anyhow::Result<Counter> {
        self.find_counter(site).await?.with_context(|| format!("no acquirer is configured for site {site}"))
    }

    /// Where the site's cards are charged; `None` for a live site that no acquirer of ours knows.
    async fn find_counter(&self, site: SiteId) -> anyhow::Result<Option<Counter>> {
        let known = self.store.site(site).await?.with_context(|| format!("there is no site {site}"))?;
        let line = self.lines.of(site);
        Ok(line.terminal(&known).map(|terminal| Counter { line, terminal }))
    }
}

impl Counter {
    fn speaker(&self) -> Speaker<'_> {
        Speaker { terminal: &self.terminal, dialect: &self.line.dialect }
    }
}

/// DE 39 that stands for an acquirer who cannot be reached: nothing was sent.
const INOPERATIVE: &str = "91";

/// What became of an advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Acknowledged,
    /// It was sent so many times without an answer.
    NotYet {
        times: u32,
    },
}

fn subject(order: &Order, reference: TransactionId, operation: Operation) -> Subject<'_> {
    Subject { site: order.site, reference, operation, order: &order.id }
}

fn final_word(answer: &Message, brand: Brand) -> Outcome {
    match Said::of(answer, brand, false) {
        Said::Final(outcome) => outcome,
        Said::InPart | Said::NotFound => Outcome::Unknown,
    }
}

/// What the host knows a message by.
pub(crate) fn mark_of(message: &Message) -> Option<Mark> {
    Some(Mark {
        terminal: message.text(41)?.trim_end().to_owned(),
        transmission: message.text(7)?.to_owned(),
        stan: message.stan()?,
        rrn: message.text(37)?.to_owned(),
    })
}

fn duration(length: Millis) -> Duration {
    Duration::from_millis(u64::try_from(length.0).unwrap_or(0))
}
