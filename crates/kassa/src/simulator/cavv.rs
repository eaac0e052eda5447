//! The authentication value of the simulated issuer: the same twenty bytes whoever computes them, so that the
//! simulated acquirer host can tell a proof from an invention.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The key of every simulated issuer. It protects nothing: no card of a simulator is worth anything.
pub(crate) const KEY: &[u8] = b"kassa simulator: authentication values";

/// The value for one authentication of one card over one amount.
pub(crate) fn value(key: &[u8], ds_trans_id: &str, pan: &str, amount_minor: i64, eci: &str) -> [u8; 20] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    // Ids are compared without regard to case.
    let amount = amount_minor.to_string();
    for part in [&*ds_trans_id.to_ascii_lowercase(), pan, &amount, eci] {
        mac.update(part.as_bytes());
        mac.update(b"\0");
    }
    let whole: [u8; 32] = mac.finalize().into_bytes().into();
    let mut value = [0; 20];
    value.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_for_one_authentication_and_nothing_else() {
        let id = "8a880dc0-d2d2-4067-bcb1-b08d1690b26e";
        let pan = "6799990000000000011";
        let one = value(KEY, id, pan, 1000, "02");
        assert_eq!(one, value(KEY, &id.to_uppercase(), pan, 1000, "02"));
        for other in [
            value(b"another key", id, pan, 1000, "02"),
            value(KEY, "8a880dc0-d2d2-4067-bcb1-b08d1690b26f", pan, 1000, "02"),
            value(KEY, id, "6799990000000000029", 1000, "02"),
            value(KEY, id, pan, 1001, "02"),
            value(KEY, id, pan, 1000, "01"),
        ] {
            assert_ne!(other, one);
        }
    }
}
