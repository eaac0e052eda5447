//! Which answer belongs to which request, when many are in flight and answers come in any order.

use crate::message::Message;
use crate::mti::Mti;
use crate::profile::Profile;
use std::fmt;

/// What a request and its answer have in common: the exchange, and the fields of the profile's `match_on`, which are
/// DE 7, 11, 32, 33 and 41 unless it says otherwise. It never contains a secret field.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MatchKey {
    /// The request's, without the mark of a repeat.
    mti: Mti,
    fields: String,
}

impl Profile {
    /// The key of a request, an advice, or an answer to one. A repeat has the key of the first, since an answer to
    /// either settles both. `None` for a message that wants no answer, and for one without DE 11.
    #[must_use]
    pub fn match_key(&self, message: &Message) -> Option<MatchKey> {
        message.bytes(11)?;
        let mti = message.mti().first();
        let mti = if mti.is_request() { mti } else { mti.request()? };
        let mut fields = String::with_capacity(64);
        for number in &self.match_on {
            fields.push('/');
            // Terminals are padded with blanks, and not always by both sides.
            fields.push_str(message.text(*number).unwrap_or_default().trim_end_matches(' '));
        }
        Some(MatchKey { mti, fields })
    }

    /// Whether `answer`, which has the key of `request`, contradicts it in no field of the profile's `match_check`,
    /// which is DE 37 unless it says otherwise. A field that only one of them has contradicts nothing.
    #[must_use]
    pub fn confirms(&self, request: &Message, answer: &Message) -> bool {
        self.match_check.iter().all(|number| match (request.bytes(*number), answer.bytes(*number)) {
            (Some(asked), Some(answered)) => asked == answered,
            (None, _) | (_, None) => true,
        })
    }
}

impl MatchKey {
    /// The type of the request.
    #[must_use]
    pub fn mti(&self) -> Mti {
        self.mti
    }
}

impl fmt::Display for MatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.mti, self.fields)
    }
}
