//! A message: its type, and the values of its fields by number.

use crate::mti::Mti;
use crate::values::Values;
use std::fmt;

/// A message: its type, and the values of its fields by number.
///
/// Values of text are ASCII, as many characters as the standard says; values of format `b` are raw bytes. What a
/// message may hold is for the profile that encodes it to say, so nothing is refused here.
///
/// All values are wiped when the message is dropped, and `Debug` shows only which fields there are.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    mti: Mti,
    values: Values,
}

impl Message {
    /// A message without fields.
    #[must_use]
    pub fn new(mti: Mti) -> Self {
        Self { mti, values: Values::default() }
    }

    pub(crate) fn of(mti: Mti, values: Values) -> Self {
        Self { mti, values }
    }

    pub(crate) fn values(&self) -> &Values {
        &self.values
    }

    /// The message type.
    #[must_use]
    pub fn mti(&self) -> Mti {
        self.mti
    }

    /// The same message with another type: a repeat, or the answer that echoes a request.
    pub fn set_mti(&mut self, mti: Mti) -> &mut Self {
        self.mti = mti;
        self
    }

    /// Sets a field, 2 to 128, in place of the value it had.
    pub fn set(&mut self, number: u8, value: impl AsRef<[u8]>) -> &mut Self {
        self.values.set(number, value.as_ref());
        self
    }

    /// The same, for building a message in one expression.
    #[must_use]
    pub fn with(mut self, number: u8, value: impl AsRef<[u8]>) -> Self {
        self.set(number, value);
        self
    }

    /// Takes a field away and wipes its value.
    pub fn remove(&mut self, number: u8) -> &mut Self {
        self.values.remove(number);
        self
    }

    /// Copies those of `numbers` that `other` has: what an answer or a reversal echoes.
    pub fn echo(&mut self, other: &Self, numbers: &[u8]) -> &mut Self {
        for number in numbers {
            if let Some(value) = other.bytes(*number) {
                self.set(*number, value);
            }
        }
        self
    }

    /// Whether the field is there.
    #[must_use]
    pub fn has(&self, number: u8) -> bool {
        self.values.get(number).is_some()
    }

    /// The text of a field; `None` if it is absent or bits that are no text.
    #[must_use]
    pub fn text(&self, number: u8) -> Option<&str> {
        std::str::from_utf8(self.values.get(number)?).ok()
    }

    /// The value of a field as bytes.
    #[must_use]
    pub fn bytes(&self, number: u8) -> Option<&[u8]> {
        self.values.get(number)
    }

    /// The fields in the order of their numbers.
    pub fn fields(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.values.iter()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<u8> = self.fields().map(|(number, _)| number).collect();
        write!(f, "Message({} with {numbers:?})", self.mti)
    }
}
