//! The words of a script, and the commands they stand for.
//!
//! | Word | Meaning |
//! |---|---|
//! | `visa`, `mastercard`, `own-amex`, `manual`, `amount:0` | how the order will be placed, before `place` |
//! | `paid`, `authorised`, `held` | the way there in one word |
//! | `+5m`, `+1h`, `+30d` | time passes; every other word takes a millisecond |
//! | `due` | every timer that is due fires |
//! | `see` | nothing happens |
//! | `verb:300` | of 300 minor units |
//! | `verb#1` | the first movement of its kind instead of the newest; `verb~`: the newest of any kind |
//! | `verb@part-1` | about the order of the first captured part instead of the one placed |

use crate::play::{PLACED, Scenario, known_token};
use payments::card::{Brand, CardSummary, Expiry};
use payments::decide::{
    Attempt, Command, NewCapture, NewChargeback, NewRefund, Outcome, Route, Screening, TokenWish, Turn,
};
use payments::ids::{OrderId, TokenId, TransactionId};
use payments::money::Currency;
use payments::movement::{Kind, Movement};
use payments::order::Order;
use payments::ranges::Issued;
use payments::threeds::{Authentication, Flow, TransStatus};
use payments::time::Millis;
use payments::token::{Model, Recurring, Token};
use payments::transaction::{Approval, Verdict};

/// A word, taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word<'a> {
    pub(crate) verb: &'a str,
    pub(crate) order: &'a str,
    minor: Option<i64>,
    which: Which,
}

#[derive(Clone, Copy, Debug)]
enum Which {
    Newest,
    OfAnyKind,
    Number(usize),
}

impl<'a> Word<'a> {
    pub(crate) fn parse(text: &'a str) -> Self {
        let (text, order) = text.split_once('@').unwrap_or((text, PLACED));
        let (text, which) = match (text.split_once('#'), text.strip_suffix('~')) {
            (Some((text, number)), _) => (text, Which::Number(number.parse().unwrap())),
            (None, Some(text)) => (text, Which::OfAnyKind),
            (None, None) => (text, Which::Newest),
        };
        let amount = text.split_once(':').and_then(|(verb, minor)| Some((verb, minor.parse().ok()?)));
        let (verb, minor) = amount.map_or((text, None), |(verb, minor)| (verb, Some(minor)));
        Self { verb, order, minor, which }
    }

    /// The movement of `kind` that the word is about; an id that is none where there is no such movement.
    fn choose(self, order: &Order, kind: &str) -> TransactionId {
        let mut of_kind = order.movements.iter().filter(|movement| self::kind(movement) == kind);
        let chosen = match self.which {
            Which::Newest => of_kind.next_back(),
            Which::OfAnyKind => order.movements.last(),
            Which::Number(number) => of_kind.nth(number - 1),
        };
        chosen.map_or(TransactionId(0), |movement| movement.id)
    }
}

/// The kind of a movement in a word.
pub(crate) fn kind(movement: &Movement) -> &'static str {
    match movement.kind {
        Kind::Capture { .. } => "capture",
        Kind::Cancellation => "cancellation",
        Kind::Refund(_) => "refund",
        Kind::Chargeback(_) => "chargeback",
        Kind::ReverseChargeback { .. } => "reverse-chargeback",
    }
}

/// The script that a word is short for.
pub(crate) fn shorthand(word: &str) -> Option<&'static str> {
    match word {
        "paid" => Some("place submit Y approve"),
        "authorised" => Some("manual place submit Y approve"),
        "held" => Some("place submit Y hold"),
        _ => None,
    }
}

/// How long a word waits.
pub(crate) fn wait(word: &str) -> Option<Millis> {
    let length = word.strip_prefix('+')?;
    let (count, unit) = length.split_at(length.find(char::is_alphabetic)?);
    let count = count.parse().ok()?;
    match unit {
        "ms" => Some(Millis(count)),
        "m" => Some(Millis::minutes(count)),
        "h" => Some(Millis::hours(count)),
        "d" => Some(Millis::days(count)),
        _ => None,
    }
}

impl Scenario {
    /// The command a word stands for: up to the payment here, what comes after it in [`Self::later_command`].
    pub(crate) fn command(&mut self, word: Word<'_>) -> Command {
        use TransStatus as S;
        let order = &self.book(word).order;
        let transaction = order.transactions.last().map_or(TransactionId(0), |last| last.id);
        let authenticated = |status, cancel| authenticated(transaction, status, cancel, true);
        let answered = |outcome| Command::AuthorisationAnswered { transaction, outcome };
        let asked = |outcome, not_found| Command::InquiryAnswered { transaction, outcome, not_found };
        match word.verb {
            verb if verb.starts_with("submit") => self.submit(word),
            "Y" => authenticated(S::Authenticated, None),
            "A" => authenticated(S::Attempted, None),
            "N" => authenticated(S::NotAuthenticated, None),
            "U" => authenticated(S::Unavailable, None),
            "R" => authenticated(S::Rejected, None),
            "give-up" => authenticated(S::NotAuthenticated, Some("01")),
            "Y-card-lost" => self::authenticated(transaction, S::Authenticated, None, false),
            "approve" => answered(approved(1, None)),
            "hold" => answered(approved(7, None)),
            "hold-then-pay" => answered(approved(7, Some((Millis::minutes(3), Verdict::Accept)))),
            "refuse" => answered(declined("51")),
            "refuse-soft" => answered(declined(self.soft())),
            "silence" => answered(Outcome::Unknown),
            "overdue" => Command::AnswerOverdue { transaction },
            "ask:approved" => asked(approved(1, None), false),
            "ask:refused" => asked(declined("51"), false),
            "ask:soft" => asked(declined(self.soft()), false),
            "ask:silence" => asked(Outcome::Unknown, false),
            "ask:never-seen" => asked(Outcome::Unknown, true),
            "undo:done" => Command::ReversalAnswered { transaction, acknowledged: true },
            "undo:silence" => Command::ReversalAnswered { transaction, acknowledged: false },
            "accept" => Command::ReviewEnded { transaction, verdict: Verdict::Accept },
            "reject" => Command::ReviewEnded { transaction, verdict: Verdict::Reject },
            "released" => Command::ApprovalReleased { transaction },
            "collects" => Command::CompletionAcknowledged { transaction },
            "shop-cancels" => Command::Cancel,
            "expire" => Command::ExpireTransaction { transaction },
            "end-session" => Command::ExpireSession { session: order.session.id.clone() },
            "expire-authorisation" => Command::ExpireAuthorisation { transaction },
            _ => self.later_command(word),
        }
    }

    fn later_command(&mut self, word: Word<'_>) -> Command {
        let (order, note) = (&self.book(word).order, String::new());
        let (capture, refund) = (word.choose(order, "capture"), word.choose(order, "refund"));
        let chargeback = word.choose(order, "chargeback");
        let annotations = order.annotations.clone();
        let answered = |outcome| Command::RefundAnswered { refund, outcome };
        let disputed = |turn| Command::Disputed { chargeback, turn };
        match word.verb {
            "capture" | "capture-under-own-id" => self.capture(word),
            "captured" => Command::CaptureAcknowledged { capture },
            "cancel-rest" => Command::CancelAuthorisation { cancellation: self.draw_id(), note },
            "refund" | "refund-meant" | "refund-usd" => self.refund(word),
            "take-back" => Command::CancelRefund { refund },
            "send" => Command::SendRefund { refund },
            "paid-back" => answered(approved(1, None)),
            "refund-refused" => answered(declined("51")),
            "refund-silence" => answered(Outcome::Unknown),
            "chargeback" => {
                let id = self.draw_id();
                Command::ChargedBack(NewChargeback { id, amount_minor: word.minor, reason_code: None, note })
            }
            "evidence" => disputed(Turn::Evidence),
            "more" => disputed(Turn::MoreWanted),
            "accept-it" => disputed(Turn::Accepted),
            "time-over" => disputed(Turn::TimeOver),
            "lost" => disputed(Turn::Lost),
            "won" => Command::Disputed { chargeback, turn: Turn::Won(self.draw_id()) },
            "ship" => Command::Ship { annotations: self.draw_note() },
            "note" => Command::Annotate { annotations: self.draw_note() },
            "ship-same-note" => Command::Ship { annotations },
            "note-again" => Command::Annotate { annotations },
            other => panic!("unknown word {other}"),
        }
    }

    /// How the issuer of such a card says that it wants the customer authenticated.
    fn soft(&self) -> &'static str {
        match self.brand {
            Brand::Maestro | Brand::Mastercard => "65",
            Brand::Amex | Brand::Visa => "1A",
        }
    }

    /// `submit`, and how: `-blocked`, `-unauthenticated` without a customer, `-unasked` with one, `-keeping`, `-known`,
    /// or through the `-first-session`.
    fn submit(&mut self, word: Word<'_>) -> Command {
        let how = |flag: &str| word.verb.split('-').any(|part| part == flag);
        let answer_within = Millis::seconds(20);
        let card = CardSummary {
            brand: self.brand,
            bin: Some("679999".to_owned()),
            last4: "0011".to_owned(),
            expiry: Expiry::parse("12/30").unwrap(),
            holder: "A. Customer".to_owned(),
            issued: Issued::default(),
        };
        let token = if how("keeping") {
            let id = self.draw_token();
            Some(TokenWish::Keep(Box::new(kept(id, &card))))
        } else {
            how("known").then(|| TokenWish::Known(known_token()))
        };
        Command::SubmitCard(Box::new(Attempt {
            session: if how("first") {
                self.first_session()
            } else {
                self.book(word).order.session.id.clone()
            },
            transaction: self.draw_id(),
            card,
            settlement: self.settlement,
            screening: if how("blocked") { Screening::Blocked } else { Screening::Clear },
            route: if how("unauthenticated") {
                Route::Authorise { answer_within, second_try: None }
            } else if how("unasked") {
                Route::Authorise { answer_within, second_try: Some(self.draw_id()) }
            } else {
                Route::Authenticate
            },
            completes_by_advice: self.completes_by_advice,
            token,
        }))
    }

    fn capture(&mut self, word: Word<'_>) -> Command {
        let part =
            if word.verb == "capture" { format!("part-{}", self.books.len()) } else { word.order.to_owned() };
        Command::Capture(Box::new(NewCapture {
            id: self.draw_id(),
            amount_minor: word.minor,
            part: OrderId::parse(&part).unwrap(),
            session: self.draw_session(),
            note: String::new(),
        }))
    }

    fn refund(&mut self, word: Word<'_>) -> Command {
        let code = if word.verb == "refund-usd" { "USD" } else { "EUR" };
        Command::Refund(Box::new(NewRefund {
            id: self.draw_id(),
            currency: Currency::parse(code).unwrap(),
            amount_minor: word.minor,
            order: OrderId::parse(word.order).unwrap(),
            note: String::new(),
            rests: Millis::seconds(2),
            is_keyed: word.verb == "refund-meant",
        }))
    }
}

fn kept(id: TokenId, card: &CardSummary) -> Token {
    let recurring = Recurring { model: Model::CardOnFile, reference: "Customer-1".to_owned() };
    Token { id, recurring, card: card.clone(), sealed: vec![1, 2, 3], fingerprint: [4; 32] }
}

fn authenticated(
    transaction: TransactionId,
    status: TransStatus,
    cancel: Option<&str>,
    card_at_hand: bool,
) -> Command {
    let authentication = Authentication {
        status,
        flow: Flow::Challenge,
        reason: None,
        cancel: cancel.map(str::to_owned),
        eci: None,
        cavv: None,
        ds_transaction_id: None,
        acs_transaction_id: None,
        version: "2.2.0".to_owned(),
    };
    Command::Authenticated { transaction, authentication, card_at_hand, answer_within: Millis::seconds(20) }
}

pub(crate) fn approved(fraud_score: u8, review: Option<(Millis, Verdict)>) -> Outcome {
    let approval = Approval {
        authorization_code: "123566".to_owned(),
        response_code: "00".to_owned(),
        fraud_score,
        cvc_result: None,
    };
    Outcome::Approved { approval, review }
}

fn declined(response_code: &str) -> Outcome {
    Outcome::Declined { response_code: response_code.to_owned() }
}
