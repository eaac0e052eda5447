//! The messages of each operation, field by field.

use super::terminal::{Dialect, Terminal};
use crate::cards_in_hand::Card;
use crate::store::trace::{Mark, Operation, Trace};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use iso8583::{
    Class, Function, Malformed, Message, Mti, OriginalDataElements, ReplacementAmounts, SubElements,
};
use payments::card::Brand;
use payments::money::Amount;
use payments::threeds::{Authentication, TransStatus};
use payments::transaction::{Capturing, Transaction};
use zeroize::Zeroizing;

/// DE 3 of a purchase.
pub(crate) const PURCHASE: &str = "000000";
/// DE 3 of a refund.
pub(crate) const REFUND: &str = "200000";
/// DE 39 of a reversal because no answer came in time.
pub(super) const TIMED_OUT: &str = "68";
/// DE 39 of a reversal that the merchant wants.
pub(super) const GIVEN_BACK: &str = "17";
/// DE 39 of a reversal because less was approved than was asked for.
pub(super) const APPROVED_IN_PART: &str = "10";

/// 0600: what became of an earlier message.
pub(crate) const INQUIRY: Mti = Mti::new(Class::Administrative, Function::Request);

/// DE 22: electronic commerce.
const ENTRY_MODE: &str = "812";
/// DE 22: a card that was kept.
const ENTRY_MODE_KEPT: &str = "102";
/// DE 25: electronic commerce.
const CONDITION: &str = "59";

/// Who says something to which host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Speaker<'a> {
    pub(super) terminal: &'a Terminal,
    pub(super) dialect: &'a Dialect,
}

impl Speaker<'_> {
    /// 0100.
    pub(super) fn authorisation(
        self,
        trace: &Trace,
        transaction: &Transaction,
        card: &Card,
    ) -> Result<Message, Malformed> {
        let mut message = self.begun(trace.mti(), &trace.mark, &trace.local_time, transaction.amount);
        let kept = transaction.authentication.is_none();
        message
            .set(2, card.pan.digits())
            .set(3, PURCHASE)
            .set(14, card.expiry.yymm())
            .set(18, &self.terminal.category)
            .set(19, &self.dialect.country)
            .set(22, if kept { ENTRY_MODE_KEPT } else { ENTRY_MODE })
            .set(25, CONDITION)
            .set(43, &self.terminal.name_and_place)
            .set(48, private(transaction, card)?)
            .set(61, self.point_of_service(transaction));
        if !is_mastercards(transaction.card.brand) {
            let eci = transaction.authentication.as_ref().and_then(|result| result.eci.as_deref());
            message.set(60, format!("{:<08}{:0>2}", "00000000", eci.unwrap_or("07")));
            if let Some(proof) = visa_proof(transaction.authentication.as_ref(), card) {
                message.set(126, proof.as_bytes());
            }
        }
        Ok(message)
    }

    /// 0400, or 0420 where the host wants it so. `kept_minor` is what was captured and stays.
    pub(super) fn reversal(
        self,
        trace: &Trace,
        original: &Trace,
        amount: Amount,
        why: &str,
        kept_minor: i64,
        approval: Option<&str>,
    ) -> Message {
        let mut message = self.begun(trace.mti(), &trace.mark, &trace.local_time, amount);
        message.set(3, PURCHASE).set(25, CONDITION).set(39, why);
        if let Some(code) = approval {
            message.set(38, format!("{code:<6}"));
        }
        if let Ok(transaction_minor @ 1..) = u64::try_from(kept_minor) {
            let left = ReplacementAmounts { transaction_minor, settlement_minor: 0 };
            message.set(95, left.to_string());
        }
        self.about(message, original)
    }

    /// 0220: the completion of an authorisation.
    pub(super) fn capture(
        self,
        trace: &Trace,
        original: &Trace,
        amount: Amount,
        approval: Option<&str>,
    ) -> Message {
        let mut message = self.begun(trace.mti(), &trace.mark, &trace.local_time, amount);
        message.set(3, PURCHASE).set(22, ENTRY_MODE).set(25, CONDITION);
        if let Some(code) = approval {
            message.set(38, format!("{code:<6}"));
        }
        self.about(message, original)
    }

    /// 0200 with DE 3 = 20xxxx.
    pub(super) fn refund(self, trace: &Trace, original: &Trace, amount: Amount) -> Message {
        let mut message = self.begun(trace.mti(), &trace.mark, &trace.local_time, amount);
        message.set(3, REFUND).set(22, ENTRY_MODE).set(25, CONDITION);
        self.about(message, original)
    }

    /// 0600: what became of `original`.
    pub(super) fn inquiry(self, mark: &Mark, local_time: &str, original: &Trace, amount: Amount) -> Message {
        let mut message = self.begun(INQUIRY, mark, local_time, amount);
        message.set(3, if original.operation == Operation::Refund { REFUND } else { PURCHASE });
        self.about(message, original)
    }

    /// What every message about a card carries.
    fn begun(self, mti: Mti, mark: &Mark, local_time: &str, amount: Amount) -> Message {
        let (date, time) = local_time.split_at_checked(4).unwrap_or_default();
        let mut message = Message::new(mti)
            .with(7, &mark.transmission)
            .with(12, time)
            .with(13, date)
            .with(32, &self.dialect.acquirer)
            .with(37, &mark.rrn)
            .with(41, format!("{:<8}", mark.terminal))
            .with(42, format!("{:<15}", self.terminal.merchant))
            .with(49, format!("{:03}", amount.currency.numeric()));
        message.set_stan(mark.stan).set_amount_minor(amount.minor.unsigned_abs());
        message
    }

    /// DE 90.
    fn about(self, mut message: Message, original: &Trace) -> Message {
        let stub = Message::new(original.mti)
            .with(7, &original.mark.transmission)
            .with(11, format!("{:06}", original.mark.stan))
            .with(32, &self.dialect.acquirer);
        if let Some(elements) = OriginalDataElements::of(&stub) {
            message.set(90, elements);
        }
        message
    }

    /// DE 61: an electronic order, its status, and where the merchant is.
    fn point_of_service(self, transaction: &Transaction) -> String {
        let status = if transaction.amount.is_zero() {
            '8'
        } else if transaction.capturing == Capturing::Manual || transaction.completion.is_some() {
            '4'
        } else {
            '0'
        };
        format!("102510{status}006000{}", self.dialect.country)
    }
}

/// Whether the brand is spoken to as Mastercard speaks.
pub(crate) fn is_mastercards(brand: Brand) -> bool {
    match brand {
        Brand::Maestro | Brand::Mastercard => true,
        Brand::Amex | Brand::Visa => false,
    }
}

/// DE 48: what was proven about the customer, and for Mastercard the code on the card.
fn private(transaction: &Transaction, card: &Card) -> Result<SubElements, Malformed> {
    let mut private = SubElements::new('T');
    let result = transaction.authentication.as_ref();
    let mastercards = is_mastercards(transaction.card.brand);
    if mastercards {
        let level = match result.map(|result| result.status) {
            Some(TransStatus::Authenticated) => "212",
            Some(TransStatus::Attempted) => "211",
            Some(TransStatus::NotAuthenticated | TransStatus::Unavailable | TransStatus::Rejected) => "210",
            // Nobody was there to be asked: a later payment with a card that was kept.
            None if transaction.token.is_some() => "217",
            None => "210",
        };
        private.push("42", &format!("0103{level}"))?;
        if let Some(value) = result.and_then(|result| result.cavv.as_deref()) {
            private.push("43", value)?;
        }
    }
    if let Some((result, id)) = result.and_then(|result| Some((result, result.ds_transaction_id.as_ref()?))) {
        // 2: EMV 3-D Secure 2.x.
        let protocol = result.version.get(..1).unwrap_or("2");
        private.push("66", &format!("0101{protocol}02{:02}{id}", id.len()))?;
    }
    if let Some(code) = card.cvc.as_ref().filter(|_| mastercards) {
        private.push("92", code)?;
    }
    Ok(private)
}

/// DE 126 for Visa and American Express, as tags of two digits and lengths of two digits: 09 the CAVV in hexadecimal,
/// 10 the code on the card behind its two indicators, 20 the 3-D Secure indicator.
fn visa_proof(result: Option<&Authentication>, card: &Card) -> Option<Zeroizing<String>> {
    // Room for all of it at once: what grows leaves copies behind.
    let mut proof = Zeroizing::new(String::with_capacity(128));
    let mut push = |tag: &str, data: &str| {
        for part in [tag, &format!("{:02}", data.len()), data] {
            proof.push_str(part);
        }
    };
    let value = result.and_then(|result| result.cavv.as_deref());
    if let Some(value) = value.and_then(|value| BASE64_STANDARD.decode(value).ok()) {
        let hex: String = value.iter().map(|byte| format!("{byte:02X}")).collect();
        push("09", &hex);
    }
    if let Some(code) = &card.cvc {
        let field = Zeroizing::new(format!("11{:>4}", code.as_str()));
        push("10", &field);
    }
    if result.is_some() {
        push("20", "2");
    }
    (!proof.is_empty()).then_some(proof)
}
