//! Any bytes in any profile: a message or refused; a message can be shown, and sent again as itself. The first byte
//! chooses the profile.
#![no_main]

use iso8583::Profile;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static PROFILES: LazyLock<[Profile; 4]> =
    LazyLock::new(|| Profile::BUILT_IN.map(|letter| Profile::built_in(letter).unwrap()));

fuzz_target!(|bytes: &[u8]| {
    let [choice, wire @ ..] = bytes else { return };
    let profile = &PROFILES[usize::from(choice % 4)];
    let message = match profile.decode(wire) {
        Ok(message) => message,
        Err(error) => {
            assert!(error.offset <= wire.len(), "{error}");
            return;
        }
    };
    let shown = message.masked(profile).to_string();
    if let Some(pan) = message.text(2).filter(|pan| pan.len() >= 12) {
        assert!(!shown.contains(pan));
    }
    let _ = profile.match_key(&message);
    if !message.has(52) && !message.has(53) {
        let again = profile.encode(&message).unwrap();
        assert!(profile.decode(&again).unwrap() == message);
    }
});
