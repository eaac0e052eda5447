//! The simulated directory server: whether a card is challenged, and the proof of an authentication.

use super::cards::Manner;
use crate::keys::KeyRing;
use crate::threeds::Channel;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use payments::card::{Brand, Pan};
use payments::ids::TransactionId;
use payments::threeds::{Authentication, Flow, TransStatus};

/// The message version the simulator speaks.
const VERSION: &str = "2.2.0";

/// What the directory server answers first.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Decided without the customer.
    Decided(Box<Authentication>),
    /// The customer has to go to the issuer's page.
    Challenge,
}

/// The card that shops send themselves to see an order paid at once.
const FRICTIONLESS_WHEN_DIRECT: &str = "4111111111111111";

/// Answers for a card.
pub(crate) fn answer(
    keys: &KeyRing,
    transaction: TransactionId,
    brand: Brand,
    pan: &Pan,
    channel: Channel,
) -> Answer {
    let decided = |status, reason| {
        let result = result(keys, transaction, brand, status, Flow::Frictionless);
        Answer::Decided(Box::new(Authentication { reason, ..result }))
    };
    if channel == Channel::Direct && pan.digits() == FRICTIONLESS_WHEN_DIRECT {
        return decided(TransStatus::Authenticated, None);
    }
    match Manner::of(pan) {
        Manner::AuthenticationFails => decided(TransStatus::NotAuthenticated, Some("01".to_owned())),
        Manner::NotEnrolled => decided(TransStatus::Unavailable, Some("13".to_owned())),
        Manner::NotTakingPart => decided(TransStatus::Attempted, None),
        Manner::Normal
        | Manner::Refused(_)
        | Manner::Held(_)
        | Manner::Blocked
        | Manner::AnswerLost
        | Manner::RequestLost
        | Manner::RefundRefused
        | Manner::RefundLost
        | Manner::RefundNeverArrives
        | Manner::Silent => Answer::Challenge,
    }
}

/// The outcome of an authentication with its identifiers and, on success, its proof.
pub(crate) fn result(
    keys: &KeyRing,
    transaction: TransactionId,
    brand: Brand,
    status: TransStatus,
    flow: Flow,
) -> Authentication {
    // No API key has a blank in it, so none shares a digest with these.
    let proof = |label: &str| keys.digest(&format!("simulator {label} {transaction}"));
    let proven = matches!(status, TransStatus::Authenticated | TransStatus::Attempted);
    let eci = match (brand, status) {
        (Brand::Maestro | Brand::Mastercard, TransStatus::Authenticated) => "02",
        (Brand::Maestro | Brand::Mastercard, TransStatus::Attempted) => "01",
        (Brand::Visa | Brand::Amex, TransStatus::Authenticated) => "05",
        (Brand::Visa | Brand::Amex, TransStatus::Attempted) => "06",
        (_, TransStatus::NotAuthenticated | TransStatus::Unavailable | TransStatus::Rejected) => "",
    };
    let cavv = proof("authentication value");
    Authentication {
        status,
        flow,
        reason: None,
        cancel: None,
        eci: proven.then(|| eci.to_owned()),
        cavv: proven.then(|| BASE64_STANDARD.encode(cavv.get(..20).unwrap_or(&cavv))),
        ds_transaction_id: Some(uuid(&proof("directory server"))),
        acs_transaction_id: Some(uuid(&proof("access control server"))),
        version: VERSION.to_owned(),
    }
}

/// Sixteen bytes printed as a version 4 UUID.
fn uuid(bytes: &[u8]) -> String {
    let mut id: u128 = bytes.iter().take(16).fold(0, |id, byte| (id << 8) | u128::from(*byte));
    id = (id & !(0xf << 76)) | (0x4 << 76);
    id = (id & !(0x3 << 62)) | (0x2 << 62);
    let hex = format!("{id:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::uuid;

    #[test]
    fn identifiers_are_version_4_uuids() {
        assert_eq!(uuid(&[0xff; 16]), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(uuid(&[0; 16]), "00000000-0000-4000-8000-000000000000");
    }
}
