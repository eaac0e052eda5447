//! What `kassa pay` tells, with the card taken out of it.

use std::fmt;

use serde::Serialize;

/// How a play ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether the gateway said that the order is paid.
    pub paid: bool,
    /// The gateway's word for the result, `rejected` when the form came back with a field marked, `pending` when the
    /// result was not known in time, `unknown` when the customer was sent on without one.
    pub outcome: String,
    /// Where the customer ended: the shop's page, which is not fetched, or the gateway's last page.
    pub final_url: String,
    /// The requests made, in order.
    pub steps: Vec<Step>,
    /// What the page told the customer.
    pub messages: Vec<String>,
}

/// One request and its status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What the customer did.
    pub step: &'static str,
    /// The HTTP method.
    pub method: String,
    /// Where to.
    pub url: String,
    /// The HTTP status of the answer.
    pub status: u16,
}

/// Takes a card number and security code out of texts.
#[derive(Clone)]
pub(super) struct Mask {
    number: String,
    cvc: String,
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mask")
    }
}

impl Mask {
    pub(super) fn new(number: &str, cvc: &str) -> Self {
        let number = number.chars().filter(char::is_ascii_digit).collect();
        Mask { number, cvc: cvc.trim().to_owned() }
    }

    /// The text with the card number cut to its first six and last four digits, also when it is grouped.
    pub(super) fn number(&self, text: &str) -> String {
        if self.number.is_empty() {
            return text.to_owned();
        }
        let mut masked = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some(after) = self.after_number(rest) {
                masked.push_str(&self.shown());
                rest = after;
            } else {
                masked.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
        masked
    }

    /// As [`Mask::number`], and without the security code where it stands by itself. Not for URLs, in which
    /// three digits by themselves may be anything.
    pub(super) fn all(&self, text: &str) -> String {
        let mut masked = String::new();
        let text = self.number(text);
        for run in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
            let digits = run.trim_end_matches(|c: char| !c.is_ascii_digit());
            if !digits.is_empty() && digits == self.cvc {
                masked.push_str("***");
                masked.push_str(&run[digits.len()..]);
            } else {
                masked.push_str(run);
            }
        }
        masked
    }

    /// What follows the card number, if `text` starts with it.
    fn after_number<'t>(&self, text: &'t str) -> Option<&'t str> {
        let mut rest = text;
        for (index, digit) in self.number.chars().enumerate() {
            if index > 0 {
                rest = ["%20", " ", "-", "+", "\u{a0}"]
                    .iter()
                    .find_map(|gap| rest.strip_prefix(gap))
                    .unwrap_or(rest);
            }
            rest = rest.strip_prefix(digit)?;
        }
        Some(rest)
    }

    fn shown(&self) -> String {
        let stars = "*".repeat(self.number.len().saturating_sub(10));
        match (self.number.get(..6), self.number.len().checked_sub(4)) {
            (Some(first), Some(last)) if self.number.len() >= 12 => {
                format!("{first}{stars}{}", &self.number[last..])
            }
            _ => "*".repeat(self.number.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_card_is_taken_out_of_texts() {
        let mask = Mask::new("6799 9900 0000 0000 011", "123");
        for (text, shown) in [
            ("card 6799990000000000011 refused", "card 679999*********0011 refused"),
            ("card 6799 9900 0000 0000 011.", "card 679999*********0011."),
            ("?n=6799%209900%200000%200000%20011&x", "?n=679999*********0011&x"),
            ("code 123 is wrong", "code *** is wrong"),
            ("order 1234, é 0123: 123", "order 1234, é 0123: ***"),
            ("679999000000000001", "679999000000000001"),
        ] {
            assert_eq!(mask.all(text), shown);
        }
        assert_eq!(mask.number("/123/"), "/123/");
        assert_eq!(Mask::new("", "").all("nothing to hide"), "nothing to hide");
        assert_eq!(Mask::new("4111", "1").all("4111"), "****");
    }
}
