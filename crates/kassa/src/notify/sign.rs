//! The signature of a notification: the header `Auth`, over exactly the bytes of the body.
//!
//! The header is base64 of `{timestamp}:{signature}`, and the signature the lower-case hex HMAC-SHA-512 of
//! `{timestamp}:{body}` under the site's API key. Receivers refuse a timestamp older than ten minutes, so
//! every try is signed anew.
//!
//! Some receivers hash the bytes they got. Others, in Python, read the JSON and hash what
//! `json.dumps(…, separators=(",", ":"), ensure_ascii=False)` makes of it, so a body must come out of that
//! as it went in: see [`canonical`].

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha512;
use std::fmt::Write as _;

/// The bytes of a body: compact, keys sorted at every depth, characters as themselves.
///
/// Python writes the same, with one limit: a float below 0.0001 or from 10^16 on has another exponent there.
/// No amount of money comes near either.
pub(crate) fn canonical(body: &Value) -> String {
    // serde_json keeps the keys of an object sorted and escapes the same characters as Python does; the
    // tests would notice its `preserve_order` feature.
    body.to_string()
}

/// The value of the header `Auth` for `body`. Blanks around the key do not count: receivers trim theirs.
pub(crate) fn auth_header(api_key: &str, unix_seconds: i64, body: &str) -> String {
    let mut mac =
        Hmac::<Sha512>::new_from_slice(api_key.trim().as_bytes()).expect("HMAC takes keys of every length");
    mac.update(format!("{unix_seconds}:").as_bytes());
    mac.update(body.as_bytes());
    let mut text = format!("{unix_seconds}:");
    for byte in mac.finalize().into_bytes() {
        write!(text, "{byte:02x}").expect("a String takes every text");
    }
    STANDARD.encode(text)
}
