//! `kassa decode`: a message for people to read, without what they must not see.

use crate::acquirer::live::read_profile;
use anyhow::{Context as _, bail};
use clap::Args;
use iso8583::{Deframer, Profile};
use std::io::Write as _;
use zeroize::Zeroizing;

const EXAMPLES: &str = "\
Examples:
  A message as it is on the wire, with the length before it or without:
    kassa decode 0026303830308220000000000000040000000000000031313232323334353030303030303031333031
  From standard input, in another profile:
    kassa decode --profile A < message.hex

Card numbers are printed with their first six and last four digits, and codes not at all.";

/// `kassa decode`.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXAMPLES)]
pub struct Decode {
    /// The message in hexadecimal digits; blanks between them do not count. Read from standard input without this.
    #[arg(value_name = "HEX")]
    pub hex: Option<String>,

    /// How it is written: the letter of a built-in profile, or the path of another one.
    #[arg(long, value_name = "PROFILE", default_value = "B")]
    pub profile: String,
}

pub(super) fn run(decode: Decode) -> anyhow::Result<u8> {
    let profile = read_profile(&decode.profile)?;
    let hex = match decode.hex {
        Some(hex) => Zeroizing::new(hex),
        None => Zeroizing::new(std::io::read_to_string(std::io::stdin()).context("reading standard input")?),
    };
    let bytes = bytes(&hex)?;
    let message = match framed(&profile, &bytes) {
        Some(message) => message,
        None => profile
            .decode(&bytes)
            .with_context(|| format!("this is no message of profile {}", profile.name()))?,
    };
    writeln!(std::io::stdout(), "{}", message.masked(&profile))?;
    Ok(0)
}

fn bytes(hex: &str) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let mut digits = Zeroizing::new(Vec::with_capacity(hex.len()));
    for letter in hex.chars().filter(|letter| !letter.is_whitespace()) {
        match letter.to_digit(16).and_then(|digit| u8::try_from(digit).ok()) {
            Some(digit) => digits.push(digit),
            // What it is instead could be part of a card number.
            None => bail!("the message is not in hexadecimal digits"),
        }
    }
    let (pairs, rest) = digits.as_chunks::<2>();
    if pairs.is_empty() || !rest.is_empty() {
        bail!("the message must have two hexadecimal digits for each byte, and one byte at least");
    }
    Ok(Zeroizing::new(pairs.iter().map(|[high, low]| high << 4 | low).collect()))
}

/// The message, where the bytes are one whole frame.
fn framed(profile: &Profile, mut bytes: &[u8]) -> Option<iso8583::Message> {
    let frame = Deframer::new(profile.framing()).feed(&mut bytes).ok()??;
    let message = profile.decode(frame.message()).ok()?;
    bytes.is_empty().then_some(message)
}
