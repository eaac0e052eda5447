//! base64url, as browsers carry `creq`, `cres`, `threeDSMethodData` and `threeDSSessionData`.
//!
//! Written without padding. Read as real ACSs write it: with any padding or none, with the letters of either
//! alphabet, and with blanks around.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// `bytes` in base64url without padding.
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    ENGINE.encode(bytes)
}

/// The bytes that `text` stands for; `None` if it is longer than `limit` characters or no base64.
#[must_use]
pub fn decode(text: &str, limit: usize) -> Option<Vec<u8>> {
    if text.len() > limit {
        return None;
    }
    // A `+` of the other alphabet may have become a blank in a form.
    let letters = text.trim().trim_end_matches('=').replace(['+', ' '], "-").replace('/', "_");
    ENGINE.decode(letters).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_padded_and_padding_is_taken() {
        assert_eq!(encode(br#"{"a":"??>"}"#), "eyJhIjoiPz8-In0");
        for text in [
            "eyJhIjoiPz8-In0",
            "eyJhIjoiPz8-In0=",
            "eyJhIjoiPz8+In0=",
            "eyJhIjoiPz8 In0",
            " eyJhIjoiPz8-In0\r\n",
        ] {
            assert_eq!(decode(text, 64).as_deref(), Some(br#"{"a":"??>"}"#.as_slice()), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_base64_or_too_long_is_refused() {
        for text in ["e", "ey=J", "eyJh\u{e9}", "eyJh!"] {
            assert_eq!(decode(text, 64), None, "{text:?}");
        }
        assert_eq!(decode("eyJhIjoiPz8-In0", 14), None);
    }
}
