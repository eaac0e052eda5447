//! What a message proves about the customer, and whether the simulated issuer gave that proof.

use super::operations::tagged;
use crate::simulator::cavv;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use iso8583::{Message, SubElements};
use payments::card::Pan;
use subtle::ConstantTimeEq as _;

/// Whether the customer is proven to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// Nobody says so: a card that was kept, mostly.
    None,
    /// The issuer says so.
    Right,
    /// The message says so, and the issuer does not.
    Wrong,
}

/// DE 48.42.01 of a customer who was authenticated, and of an attempt.
const LEVELS: [(&str, &str); 2] = [("212", "02"), ("211", "01")];
/// DE 60 of Visa and American Express ends with one of these then.
const INDICATORS: [&str; 2] = ["05", "06"];

impl Proof {
    /// Of an authorisation of this card: DE 48.42 and 43 of Mastercard, DE 60 and 126 of Visa and American Express.
    pub(super) fn of(message: &Message, pan: &Pan) -> Self {
        let private = message.text(48).and_then(|text| SubElements::parse(text).ok());
        let private = private.as_ref();
        let level = private.and_then(|private| private.sub_field("42", "01"));
        let (claimed, value) = if let Some(level) = level {
            let claimed = LEVELS.into_iter().find(|(known, _)| level == *known).map(|(_, eci)| eci);
            let value = private.and_then(|private| BASE64_STANDARD.decode(private.get("43")?).ok());
            (claimed, value)
        } else {
            let said = message.text(60);
            let claimed = INDICATORS.into_iter().find(|eci| said.is_some_and(|said| said.ends_with(eci)));
            (claimed, message.text(126).and_then(|text| tagged(text, "09")).and_then(from_hex))
        };
        let Some(eci) = claimed else { return Self::None };
        let id = private.and_then(|private| private.sub_field("66", "02"));
        let amount = message.amount_minor().and_then(|minor| i64::try_from(minor).ok());
        let (Some(id), Some(value), Some(amount)) = (id, value, amount) else { return Self::Wrong };
        let right = cavv::value(cavv::KEY, id, pan.digits(), amount, eci);
        if bool::from(right.ct_eq(&value)) { Self::Right } else { Self::Wrong }
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let byte = |at: usize| text.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    (0..text.len()).step_by(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso8583::Mti;

    const PAN: &str = "6799990000000000011";
    const ID: &str = "8a880dc0-d2d2-4067-bcb1-b08d1690b26e";

    fn message(minor: u64) -> Message {
        let mut message = Message::new(Mti::AUTHORISATION_REQUEST);
        message.set_amount_minor(minor);
        message
    }

    /// As Mastercard carries it: level, value and id.
    fn mastercards(minor: u64, level: &str, value: &[u8]) -> Message {
        let mut private = SubElements::new('T');
        private.push("42", &format!("0103{level}")).unwrap();
        private.push("43", &BASE64_STANDARD.encode(value)).unwrap();
        private.push("66", &format!("0101202{:02}{ID}", ID.len())).unwrap();
        message(minor).with(48, private)
    }

    /// As Visa does.
    fn visas(minor: u64, eci: &str, value: &[u8]) -> Message {
        let mut private = SubElements::new('T');
        private.push("66", &format!("0101202{:02}{ID}", ID.len())).unwrap();
        let hex: String = value.iter().map(|byte| format!("{byte:02X}")).collect();
        message(minor)
            .with(48, private)
            .with(60, format!("00000000{eci}"))
            .with(126, format!("0940{hex}200122"))
    }

    #[test]
    fn a_proof_is_right_for_its_card_amount_and_kind_only() {
        let pan = Pan::parse(PAN).unwrap();
        let proof = |message: &Message| Proof::of(message, &pan);
        let full = cavv::value(cavv::KEY, ID, PAN, 1_000, "02");
        assert_eq!(proof(&mastercards(1_000, "212", &full)), Proof::Right);
        assert_eq!(proof(&mastercards(1_001, "212", &full)), Proof::Wrong);
        assert_eq!(proof(&mastercards(1_000, "211", &full)), Proof::Wrong, "of an attempt it is another one");
        assert_eq!(proof(&mastercards(1_000, "212", &[7; 20])), Proof::Wrong);
        assert_eq!(proof(&mastercards(1_000, "217", &full)), Proof::None, "nobody was asked");
        let full = cavv::value(cavv::KEY, ID, PAN, 1_000, "05");
        assert_eq!(proof(&visas(1_000, "05", &full)), Proof::Right);
        assert_eq!(proof(&visas(1_000, "06", &full)), Proof::Wrong);
        assert_eq!(proof(&visas(1_000, "07", &full)), Proof::None);
        assert_eq!(proof(&message(1_000)), Proof::None);
        assert_eq!(proof(&message(1_000).with(60, "0000000005")), Proof::Wrong, "a claim without anything");
    }
}
