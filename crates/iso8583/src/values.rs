//! The values of a message's fields, one after the other in one buffer.
//!
//! Nearly every message has a card number in it, so the buffer is wiped when it is dropped, and also when it has to
//! move to a larger one.

use std::ops::Range;
use zeroize::{Zeroize, Zeroizing};

/// What a buffer that grows has at least, so that a message built field by field grows once or twice.
const CAPACITY_MIN: usize = 256;

#[derive(Default)]
pub(crate) struct Values {
    /// In the order of the fields' numbers.
    spans: Vec<Span>,
    bytes: Zeroizing<Vec<u8>>,
}

/// Where the value of a field is.
#[derive(Clone, Copy)]
struct Span {
    number: u8,
    start: usize,
    end: usize,
}

impl Span {
    fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

impl Values {
    pub(crate) fn with_capacity(fields: usize, bytes: usize) -> Self {
        Self { spans: Vec::with_capacity(fields), bytes: Zeroizing::new(Vec::with_capacity(bytes)) }
    }

    pub(crate) fn get(&self, number: u8) -> Option<&[u8]> {
        let at = self.find(number).ok()?;
        self.bytes.get(self.spans.get(at)?.range())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u8, &[u8])> {
        self.spans.iter().map(|span| (span.number, self.bytes.get(span.range()).unwrap_or_default()))
    }

    /// How many bytes the values have together.
    pub(crate) fn total(&self) -> usize {
        self.spans.iter().map(|span| span.range().len()).sum()
    }

    /// Sets the value of a field, in place of the one it had.
    pub(crate) fn set(&mut self, number: u8, value: &[u8]) {
        self.remove(number);
        if self.bytes.capacity() - self.bytes.len() < value.len() {
            self.grow(value.len());
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(value);
        let span = Span { number, start, end: self.bytes.len() };
        let (Ok(at) | Err(at)) = self.find(number);
        self.spans.insert(at, span);
    }

    /// Takes the value of a field away and wipes it.
    pub(crate) fn remove(&mut self, number: u8) {
        let Ok(at) = self.find(number) else { return };
        let span = self.spans.remove(at);
        self.bytes.get_mut(span.range()).unwrap_or_default().zeroize();
    }

    /// Appends the value that `read` writes, of a field after all that are there. The capacity has to be enough:
    /// what grows by itself leaves a copy behind that nobody wipes.
    pub(crate) fn append<E>(
        &mut self,
        number: u8,
        read: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (start, capacity) = (self.bytes.len(), self.bytes.capacity());
        read(&mut self.bytes)?;
        debug_assert_eq!(
            self.bytes.capacity(),
            capacity,
            "the buffer of a message that is read does not grow"
        );
        self.spans.push(Span { number, start, end: self.bytes.len() });
        Ok(())
    }

    /// The values that there are, in a buffer with room for `more` bytes. The old one is wiped as it is dropped.
    fn grow(&mut self, more: usize) {
        let capacity = (self.total() + more).saturating_mul(2).max(CAPACITY_MIN);
        let mut grown = Self::with_capacity(self.spans.len() + 1, capacity);
        for (number, value) in self.iter() {
            let start = grown.bytes.len();
            grown.bytes.extend_from_slice(value);
            grown.spans.push(Span { number, start, end: grown.bytes.len() });
        }
        *self = grown;
    }

    fn find(&self, number: u8) -> Result<usize, usize> {
        self.spans.binary_search_by_key(&number, |span| span.number)
    }
}

impl Clone for Values {
    fn clone(&self) -> Self {
        let mut copy = Self::default();
        copy.spans.reserve(self.spans.len());
        copy.bytes = Zeroizing::new(Vec::with_capacity(self.bytes.len()));
        copy.bytes.extend_from_slice(&self.bytes);
        copy.spans.extend_from_slice(&self.spans);
        copy
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Values {}

#[cfg(test)]
mod tests {
    use super::*;

    const PAN: &[u8] = b"6799990000000000011";

    fn holds(values: &Values, part: &[u8]) -> bool {
        values.bytes.windows(part.len()).any(|bytes| bytes == part)
    }

    #[test]
    fn a_value_that_is_removed_or_replaced_is_wiped() {
        let mut values = Values::default();
        values.set(11, b"000123");
        values.set(2, PAN);
        assert!(holds(&values, PAN));
        values.set(2, b"5018");
        assert!(!holds(&values, PAN));
        values.remove(2);
        assert!(!holds(&values, b"5018"));
        assert_eq!(values.iter().collect::<Vec<_>>(), [(11, &b"000123"[..])]);
    }

    /// What a vector does by itself when it is full leaves a copy behind.
    #[test]
    fn a_buffer_that_is_full_moves_before_it_grows() {
        let mut values = Values::default();
        for number in 2..=128 {
            let (room, before) = (values.bytes.capacity() - values.bytes.len(), values.bytes.capacity());
            values.set(number, &[number; 50]);
            assert_eq!(values.bytes.capacity() == before, room >= 50, "DE {number}");
        }
        assert_eq!(values.total(), 127 * 50);
        assert!(values.iter().all(|(number, value)| value == [number; 50]));
    }
}
