//! `kassa pay`: plays the customer of a payment link, for trials and end-to-end tests.
//!
//! It goes through the real page, the real form and the simulator's challenge over HTTP, as a browser without
//! JavaScript would, and tells on stdout how the payment ended. Card number and security code go into the
//! form and nowhere else: not into a URL, not to another origin, not into the report.

mod page;
mod play;
mod report;

use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;

use clap::ValueEnum;
use url::Url;

pub use play::play;
pub use report::{Report, Step};

const EXAMPLES: &str = "\
Examples:
  Pay with the default test card:
    kassa pay 'http://localhost:8080/connect/SESSION/?lang=en_US'
  Fail the 3-D Secure challenge:
    kassa pay --outcome N 'http://localhost:8080/connect/SESSION/?lang=en_US'
  Another card, and a server with a certificate of its own (kassa ca prints the authority of serve --tls):
    kassa pay --card 6799990000000000011 --expiry 01/35 --ca ca.pem 'https://pay.test/connect/SESSION/'

The answer is one JSON object on standard output: paid, outcome, final_url, steps, messages.
Exit code: 0 paid, 2 not paid, 1 something went wrong (one line on standard error).";

/// Play the customer: open a payment link, enter a test card, answer 3-D Secure.
#[derive(clap::Args, Clone)]
#[command(after_help = EXAMPLES)]
pub struct Pay {
    /// The `payment_url` of the order's answer.
    pub payment_url: Url,

    /// Card number to enter. Use test cards: arguments are visible to other users of this machine.
    #[arg(long, value_name = "NUMBER", default_value = "6799990000000000011")]
    pub card: String,

    /// Name on the card.
    #[arg(long, value_name = "NAME", default_value = "Test Customer")]
    pub holder: String,

    /// Expiry date of the card.
    #[arg(long, value_name = "MM/YY", default_value = "12/35")]
    pub expiry: String,

    /// Security code of the card.
    #[arg(long, value_name = "NUMBER", default_value = "123")]
    pub cvc: String,

    /// What to answer when the 3-D Secure simulator asks.
    #[arg(long, value_enum, ignore_case = true, default_value_t = Outcome::Authenticated)]
    pub outcome: Outcome,

    /// Accept only TLS certificates of the authorities in this PEM file.
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    pub ca: Option<PathBuf>,

    /// Accept any TLS certificate.
    #[arg(long)]
    pub insecure: bool,
}

/// What the cardholder's bank says in the 3-D Secure challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Outcome {
    /// The cardholder was authenticated.
    #[value(name = "Y")]
    Authenticated,
    /// Not authenticated.
    #[value(name = "N")]
    Denied,
    /// The bank could not tell.
    #[value(name = "U")]
    Unavailable,
    /// Authentication was attempted.
    #[value(name = "A")]
    Attempted,
    /// The bank rejects the payment.
    #[value(name = "R")]
    Rejected,
    /// The cardholder presses cancel.
    #[value(name = "cancel")]
    Cancel,
}

impl Outcome {
    /// The option of the challenge's `select[name=transStatus]`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Authenticated => "Y",
            Outcome::Denied => "N",
            Outcome::Unavailable => "U",
            Outcome::Attempted => "A",
            Outcome::Rejected => "R",
            Outcome::Cancel => "cancel",
        }
    }
}

/// Without the card.
impl fmt::Debug for Pay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pay")
            .field("payment_url", &self.payment_url.as_str())
            .field("outcome", &self.outcome)
            .field("ca", &self.ca)
            .field("insecure", &self.insecure)
            .finish_non_exhaustive()
    }
}

/// Plays and prints; the answer is the exit code of the process.
pub async fn run(pay: Pay) -> i32 {
    match print(play(pay).await) {
        Ok(true) => 0,
        Ok(false) => 2,
        Err(error) => {
            eprintln!("kassa pay: {error:#}");
            1
        }
    }
}

/// Prints the report and says whether it is a paid one.
fn print(played: anyhow::Result<Report>) -> anyhow::Result<bool> {
    let report = played?;
    let mut json = serde_json::to_string_pretty(&report)?;
    json.push('\n');
    std::io::stdout().lock().write_all(json.as_bytes())?;
    Ok(report.paid)
}

#[cfg(test)]
mod tests;
