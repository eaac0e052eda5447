//! What the host does about each kind of message. Each of these completes the answer and says whether it is sent.

use super::amounts::Rule;
use super::asked::Asked;
use super::proof::Proof;
use super::{AcquirerHost, DONE, FORMAT_ERROR, Merchants};
use crate::acquirer::{IN_PART, NOT_FOUND};
use crate::simulator::cards::{Manner, line_minor};
use crate::store::book::{BookedMovement, Entry};
use crate::store::open_to_buy::Account;
use crate::store::trace::Mark;
use iso8583::{AdditionalAmount, Class, Message, Sign, SubElements};
use payments::card::Pan;
use payments::time::Millis;
use payments::transaction::{FRAUD_SCORE_HELD, Verdict};

/// How long a simulated review takes.
const REVIEW: Millis = Millis::minutes(3);
/// How many reversals a silent host ignores.
const IGNORED_REVERSALS: i64 = 2;
/// DE 39 of what was undone, or forbidden before it arrived.
const INVALID: &str = "12";
/// DE 39 of a card number that is none.
const NO_SUCH_CARD: &str = "14";
/// DE 39 of a proof of the customer that was made up.
const INVENTED: &str = "59";
/// DE 39 of a card that has not enough left.
const EMPTY: &str = "51";
/// What the host's digests of card numbers are for: no shop calls a customer so.
const ACCOUNTS: &str = "\0open to buy";
/// DE 39 of a second message under the numbers of the first.
const DUPLICATE: &str = "94";
/// Where DE 61 tells the status of a transaction, and what it says of one that is captured later.
const STATUS: usize = 6;
const CAPTURED_LATER: u8 = b'4';

impl AcquirerHost {
    pub(super) async fn authorise(
        &self,
        message: &Message,
        asked: &Asked,
        answer: &mut Message,
    ) -> anyhow::Result<bool> {
        let Some(pan) = message.text(2).and_then(|digits| Pan::parse(digits).ok()) else {
            answer.set(39, NO_SUCH_CARD);
            return Ok(true);
        };
        let manner = Manner::of(&pan);
        if manner == Manner::RequestLost {
            return Ok(false);
        }
        let proof = Proof::of(message, &pan);
        let (response_code, fraud_score, review) = match manner {
            // A proof that the issuer never gave: only in the books of test sites, whose issuer is ours.
            _ if self.merchants == Merchants::TestSites && proof == Proof::Wrong => (INVENTED, 1, None),
            Manner::SoftDeclined(code) if proof == Proof::None => (code, 1, None),
            Manner::Refused(code) => (code, 1, None),
            Manner::Held(verdict) => (DONE, FRAUD_SCORE_HELD + 1, Some((REVIEW, verdict))),
            _ => (self.rule(asked.site, message).map_or(DONE, Rule::response_code), 1, None),
        };
        let status = message.text(61).and_then(|text| text.as_bytes().get(STATUS));
        let mut entry = Entry {
            site: asked.site,
            mark: asked.mark.clone(),
            amount_minor: asked.amount.minor,
            response_code: Some(response_code.to_owned()),
            authorization_code: matches!(response_code, DONE | IN_PART).then(|| self.draw_code()),
            fraud_score,
            review,
            manner: manner.word().to_owned(),
            reversals: 0,
            reversed: false,
            captured_later: status == Some(&CAPTURED_LATER),
        };
        self.book_authorisation(&pan, asked, &mut entry).await?;
        if matches!(manner, Manner::AnswerLost | Manner::Silent) {
            return Ok(false);
        }
        // What is in the book counts: it may have been booked, or reversed, before.
        let Some(booked) = self.store.book_entry(asked.site, &asked.mark).await? else {
            return Ok(false);
        };
        if booked.amount_minor != asked.amount.minor {
            answer.set(39, DUPLICATE);
            return Ok(true);
        }
        tell(&booked, answer)?;
        tell_about_code(message, answer)?;
        Ok(true)
    }

    /// Puts an authorisation into the book; declined where its card has not enough left.
    async fn book_authorisation(&self, pan: &Pan, asked: &Asked, entry: &mut Entry) -> anyhow::Result<()> {
        let now = self.clock.now();
        if entry.is_charged() {
            let digest = self.keys.fingerprint(asked.site, ACCOUNTS, pan);
            let account = Account {
                card: digest.iter().map(|byte| format!("{byte:02x}")).collect(),
                last4: pan.last4().to_owned(),
                line_minor: line_minor(pan),
            };
            if self.store.book_approval(&account, entry, asked.amount, now).await? {
                return Ok(());
            }
            (entry.response_code, entry.authorization_code) = (Some(EMPTY.to_owned()), None);
            (entry.fraud_score, entry.review) = (1, None);
        }
        Ok(self.store.book_authorisation(entry, asked.amount, now).await?)
    }

    /// Tells what became of an authorisation, a capture or a refund.
    pub(super) async fn inquire(&self, asked: &Asked, answer: &mut Message) -> anyhow::Result<bool> {
        let Some((class, mark)) = &asked.original else {
            answer.set(39, FORMAT_ERROR);
            return Ok(true);
        };
        if *class != Class::Authorisation {
            let booked = self.store.booked_movement(asked.site, mark).await?;
            tell_movement(booked.map(|(code, _)| code).as_deref(), mark, answer);
            return Ok(true);
        }
        self.store.book_inquiry(asked.site, mark).await?;
        match self.store.book_entry(asked.site, mark).await? {
            None => {
                answer.set(39, NOT_FOUND);
            }
            Some(booked) if booked.manner == Manner::Silent.word() => return Ok(false),
            Some(booked) => tell(&booked, answer)?,
        }
        Ok(true)
    }

    /// Undoes an authorisation, or gives back what is left of it. One that has not arrived is refused once it does.
    pub(super) async fn reverse(&self, asked: &Asked, answer: &mut Message) -> anyhow::Result<bool> {
        let Some(mark) = asked.authorisation() else {
            answer.set(39, FORMAT_ERROR);
            return Ok(true);
        };
        self.store.book_reversal(asked.site, mark, asked.amount, self.clock.now()).await?;
        let booked = self.store.book_entry(asked.site, mark).await?;
        let silent =
            |booked: &Entry| booked.manner == Manner::Silent.word() && booked.reversals <= IGNORED_REVERSALS;
        answer.set(39, DONE);
        Ok(!booked.as_ref().is_some_and(silent))
    }

    /// Takes a capture, whatever it makes of it: an advice is never refused, only booked as what it is.
    pub(super) async fn capture(&self, asked: &Asked, answer: &mut Message) -> anyhow::Result<bool> {
        let Some(mark) = asked.authorisation() else {
            answer.set(39, FORMAT_ERROR);
            return Ok(true);
        };
        let authorised = self.store.book_entry(asked.site, mark).await?;
        let captured = self.store.booked_sum(asked.site, mark, "capture").await?;
        let fits = authorised.is_some_and(|entry| {
            entry.captured_later
                && entry.response_code.as_deref() == Some(DONE)
                && captured.saturating_add(asked.amount.minor) <= entry.amount_minor
        });
        self.book(asked, mark, "capture", if fits { DONE } else { "13" }).await?;
        let booked = self.store.booked_movement(asked.site, &asked.mark).await?;
        tell_movement(booked.map(|(code, _)| code).as_deref(), &asked.mark, answer);
        Ok(true)
    }

    /// Pays a refund. The same one is paid once.
    pub(super) async fn refund(
        &self,
        asked: &Asked,
        again: bool,
        answer: &mut Message,
    ) -> anyhow::Result<bool> {
        let Some(mark) = asked.authorisation() else {
            answer.set(39, FORMAT_ERROR);
            return Ok(true);
        };
        let paid = self.store.book_entry(asked.site, mark).await?;
        let manner = paid.as_ref().map(|entry| entry.manner.as_str()).unwrap_or_default();
        if manner == Manner::RefundNeverArrives.word() && !again {
            return Ok(false);
        }
        let refunded = self.store.booked_sum(asked.site, mark, "refund").await?;
        let fits = paid.as_ref().is_some_and(|entry| {
            entry.response_code.as_deref() == Some(DONE)
                && refunded.saturating_add(asked.amount.minor) <= entry.amount_minor
        });
        let code = if fits && manner != Manner::RefundRefused.word() { DONE } else { "57" };
        self.book(asked, mark, "refund", code).await?;
        if manner == Manner::RefundLost.word() {
            return Ok(false);
        }
        let booked = self.store.booked_movement(asked.site, &asked.mark).await?;
        tell_movement(booked.map(|(code, _)| code).as_deref(), &asked.mark, answer);
        Ok(true)
    }

    async fn book(
        &self,
        asked: &Asked,
        authorisation: &Mark,
        kind: &'static str,
        code: &str,
    ) -> anyhow::Result<()> {
        let booked = BookedMovement {
            site: asked.site,
            mark: asked.mark.clone(),
            authorisation: authorisation.clone(),
            kind,
            amount_minor: asked.amount.minor,
            response_code: code.to_owned(),
        };
        Ok(self.store.book_movement(&booked, self.clock.now()).await?)
    }

    fn draw_code(&self) -> String {
        let mut random = [0; 4];
        self.random.fill(&mut random);
        format!("{:06}", u32::from_le_bytes(random) % 1_000_000)
    }
}

/// What the book says about an authorisation. DE 120 is the host's own: 01 a fraud score, 02 how a review ends (`A`
/// or `R`) and after how many seconds.
fn tell(booked: &Entry, answer: &mut Message) -> anyhow::Result<()> {
    match (&booked.response_code, &booked.authorization_code) {
        (Some(code), Some(authorization_code)) if booked.is_charged() => {
            let mut own = SubElements::new('K');
            own.push("01", &booked.fraud_score.to_string())?;
            if let Some((after, verdict)) = booked.review {
                let verdict = if verdict == Verdict::Accept { 'A' } else { 'R' };
                own.push("02", &format!("{verdict}{}", after.0 / 1_000))?;
            }
            answer.set(38, authorization_code).set(39, code).set(120, own);
            if code == IN_PART {
                tell_part(booked, answer);
            }
        }
        (Some(code), _) if code != DONE && code != IN_PART => {
            answer.set(39, code);
        }
        _ => {
            answer.set(39, INVALID);
        }
    }
    Ok(())
}

/// What was approved is in DE 4 then, and what was asked for in DE 54, type 57.
fn tell_part(booked: &Entry, answer: &mut Message) {
    let original = AdditionalAmount {
        account_type: "00",
        amount_type: AdditionalAmount::ORIGINAL,
        currency: answer.text(49).unwrap_or_default(),
        sign: Sign::Debit,
        minor: booked.amount_minor.unsigned_abs(),
    };
    let original = original.to_string();
    answer.set(54, original).set_amount_minor(booked.approved_minor().unsigned_abs());
}

/// The code on the card, if there was one, is right: DE 48.87 of Mastercard, DE 44.5 of Visa.
fn tell_about_code(message: &Message, answer: &mut Message) -> anyhow::Result<()> {
    if answer.text(39) != Some(DONE) {
        return Ok(());
    }
    let private = message.text(48).and_then(|text| SubElements::parse(text).ok());
    if private.is_some_and(|private| private.get("92").is_some()) {
        let mut private = SubElements::new('T');
        private.push("87", "M")?;
        answer.set(48, private);
    }
    if message.text(126).is_some_and(|text| tagged(text, "10").is_some()) {
        answer.set(44, "    M");
    }
    Ok(())
}

/// What is under `tag` in a text of tags and lengths of two digits each.
pub(super) fn tagged<'a>(mut text: &'a str, tag: &str) -> Option<&'a str> {
    loop {
        let (found, rest) = text.split_at_checked(2)?;
        let (length, rest) = rest.split_at_checked(2)?;
        let (data, rest) = rest.split_at_checked(length.parse().ok()?)?;
        if found == tag {
            return Some(data);
        }
        text = rest;
    }
}

fn tell_movement(code: Option<&str>, mark: &Mark, answer: &mut Message) {
    answer.set(39, code.unwrap_or(NOT_FOUND));
    if code == Some(DONE) {
        answer.set(38, format!("M{:05}", mark.stan % 100_000));
    }
}
