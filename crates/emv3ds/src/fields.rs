//! The members of a message, between bytes and types.
//!
//! Reading is stricter than JSON asks for: a name that occurs twice is an error (204), and what is empty or null is
//! as if it were not there. Whatever was read or is to be written is wiped when it is dropped.

use crate::card_range::{self, CardRange};
use crate::message::Endpoint;
use crate::rules::Findings;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::fmt;
use std::io;
use zeroize::{Zeroize, Zeroizing};

/// Named values of a message that have no type of their own here. They never print.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(pub(crate) Map<String, Value>);

impl Fields {
    /// The value called `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// The text called `name`.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(Value::as_str)
    }

    /// Sets a value. The rules decide when the message is written whether it may be sent.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        if let Some(mut before) = self.0.insert(name.to_owned(), value.into()) {
            wipe(&mut before);
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, name: &str) {
        if let Some(mut before) = self.0.remove(name) {
            wipe(&mut before);
        }
    }

    /// The names that have a value.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Takes out what is empty or null, at every depth.
    pub(crate) fn prune(&mut self) {
        self.0.retain(|_, value| {
            prune(value);
            !is_missing(value)
        });
    }

    /// Takes out what is not called one of `names`.
    pub(crate) fn keep(&mut self, names: impl Fn(&str) -> bool) {
        self.0.retain(|name, value| {
            let kept = names(name);
            if !kept {
                wipe(value);
            }
            kept
        });
    }

    /// The JSON text, written into a buffer that never grows: growing would leave copies of a card number behind.
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(Vec::with_capacity(size(self).bytes));
        serde_json::to_writer(&mut *text, self).expect("a map of JSON values can be written");
        let text = String::from_utf8(std::mem::take(&mut text)).expect("JSON is UTF-8");
        Zeroizing::new(text)
    }
}

impl Drop for Fields {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// Whether there is nothing to this value.
pub(crate) fn is_missing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

fn prune(value: &mut Value) {
    match value {
        Value::Object(members) => members.retain(|_, member| {
            prune(member);
            !is_missing(member)
        }),
        Value::Array(items) => items.iter_mut().for_each(prune),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// How long a value's JSON text is.
pub(crate) struct Size {
    pub(crate) bytes: usize,
    pub(crate) characters: usize,
}

/// Measures `value` without keeping a copy of it.
pub(crate) fn size(value: &impl Serialize) -> Size {
    let mut size = Size { bytes: 0, characters: 0 };
    serde_json::to_writer(&mut size, value).expect("a JSON value can be written");
    size
}

impl io::Write for Size {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.bytes = self.bytes.saturating_add(text.len());
        let characters = text.iter().filter(|&&byte| byte & 0b1100_0000 != 0b1000_0000).count();
        self.characters = self.characters.saturating_add(characters);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What bytes were read as.
#[derive(Default)]
pub(crate) struct Read {
    pub(crate) fields: Fields,
    /// The first name that occurs twice in one object. Its first value counts.
    pub(crate) duplicate: Option<String>,
    /// `cardRangeData`, which may be many megabytes, is turned into ranges entry by entry.
    pub(crate) ranges: Option<Vec<CardRange>>,
    /// What was wrong with the first bad entry of it.
    pub(crate) range_findings: Findings,
}

/// Reads one JSON object; `None` if the bytes are something else.
pub(crate) fn read(bytes: &[u8], endpoint: &Endpoint) -> Option<Read> {
    let reader = Reader { endpoint, duplicate: RefCell::new(None) };
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let mut read = Object(&reader).deserialize(&mut json).ok()?;
    json.end().ok()?;
    read.duplicate = reader.duplicate.into_inner();
    Some(read)
}

/// Who reads, and what is noted on the way.
struct Reader<'a> {
    endpoint: &'a Endpoint,
    duplicate: RefCell<Option<String>>,
}

impl Reader<'_> {
    /// Notes a name that occurs twice, and skips its second value.
    fn skip<'de, A: MapAccess<'de>>(&self, name: String, members: &mut A) -> Result<(), A::Error> {
        self.duplicate.borrow_mut().get_or_insert(name);
        members.next_value::<IgnoredAny>().map(|IgnoredAny| ())
    }
}

/// The outermost object.
struct Object<'a>(&'a Reader<'a>);

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Read;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Read, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Read, A::Error> {
        let mut read = Read::default();
        while let Some(name) = members.next_key::<String>()? {
            let is_ranges = name == card_range::FIELD;
            if read.fields.0.contains_key(&name) || is_ranges && read.ranges.is_some() {
                self.0.skip(name, &mut members)?;
            } else if is_ranges {
                members.next_value_seed(Ranges { reader: self.0, read: &mut read })?;
            } else {
                let value = members.next_value_seed(Anything(self.0))?;
                read.fields.0.insert(name, value);
            }
        }
        Ok(read)
    }
}

/// Any value.
struct Anything<'a>(&'a Reader<'a>);

impl<'de> DeserializeSeed<'de> for Anything<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Anything<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Anything(self.0))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        // As fields, so that they are wiped if the rest cannot be read.
        let mut fields = Fields::default();
        while let Some(name) = members.next_key::<String>()? {
            if fields.0.contains_key(&name) {
                self.0.skip(name, &mut members)?;
            } else {
                let value = members.next_value_seed(Anything(self.0))?;
                fields.0.insert(name, value);
            }
        }
        Ok(Value::Object(std::mem::take(&mut fields.0)))
    }
}

/// `cardRangeData`: a list becomes ranges, anything else stays a field that the rules will refuse.
struct Ranges<'a, 'b> {
    reader: &'a Reader<'a>,
    read: &'b mut Read,
}

impl<'de> DeserializeSeed<'de> for Ranges<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl Ranges<'_, '_> {
    fn note_no_list(self) {
        self.read.fields.0.insert(card_range::FIELD.to_owned(), Value::Bool(false));
    }
}

impl<'de> Visitor<'de> for Ranges<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("card ranges")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut ranges = Vec::new();
        while let Some(entry) = entries.next_element_seed(Anything(self.reader))? {
            if let Err(findings) = card_range::read_entry(entry, self.reader.endpoint, &mut ranges) {
                self.read.range_findings = findings;
                while entries.next_element::<IgnoredAny>()?.is_some() {}
            }
        }
        self.read.ranges = Some(ranges);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        if !value.is_empty() {
            self.note_no_list();
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        if members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            self.note_no_list();
        }
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.note_no_list();
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        self.note_no_list();
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        self.note_no_list();
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.note_no_list();
        Ok(())
    }
}
