//! Where 2.2.0 and 2.3.1 say the same thing differently.
//!
//! The types of this crate have the shape of 2.3.1. A message of 2.2.0 is put into that shape after it was checked,
//! and out of it before it is checked and written. What only one version has is told by the [rules](crate::rules):
//! on the way out, a field that the message's version does not know is left out.

use crate::fields::Fields;
use crate::version::Version;
use serde_json::{Map, Value};

/// A field that 2.3.1 renamed or reshaped.
struct Change {
    in_220: &'static str,
    in_231: &'static str,
    shape: Shape,
}

/// How the value of 2.2.0 becomes that of 2.3.1.
enum Shape {
    Same,
    /// It is the only one of a list.
    InList,
    /// It is the `text` of an object.
    InText,
}

const CHANGES: &[Change] = &[
    Change { in_220: "whiteListStatus", in_231: "trustListStatus", shape: Shape::Same },
    Change { in_220: "whiteListStatusSource", in_231: "trustListStatusSource", shape: Shape::Same },
    change("threeDSRequestorChallengeInd", Shape::InList),
    change("threeDSRequestorAuthenticationInfo", Shape::InList),
    change("threeDSRequestorPriorAuthenticationInfo", Shape::InList),
    change("authenticationMethod", Shape::InList),
    change("cardholderInfo", Shape::InText),
];

const fn change(field: &'static str, shape: Shape) -> Change {
    Change { in_220: field, in_231: field, shape }
}

/// Puts a message that was read into the shape of the types.
pub(crate) fn into_types(fields: &mut Fields, version: Version) {
    for change in CHANGES {
        let name = if version == Version::V220 { change.in_220 } else { change.in_231 };
        let Some(value) = fields.0.remove(name) else { continue };
        let value = match (&change.shape, value) {
            (Shape::InList, single @ (Value::String(_) | Value::Object(_))) => Value::Array(vec![single]),
            // Some write 2.3.1's text as 2.2.0 did.
            (Shape::InText, text @ Value::String(_)) => {
                Value::Object(Map::from_iter([("text".to_owned(), text)]))
            }
            (_, value) => value,
        };
        fields.0.insert(change.in_231.to_owned(), value);
    }
}

/// Puts what the types say into the shape of a version.
pub(crate) fn out_of_types(fields: &mut Fields, version: Version) {
    if version != Version::V220 {
        return;
    }
    for change in CHANGES {
        let Some(value) = fields.0.remove(change.in_231) else { continue };
        let value = match (&change.shape, value) {
            // 2.2.0 has room for the first wish only.
            (Shape::InList, Value::Array(list)) => list.into_iter().next().unwrap_or_default(),
            (Shape::InText, Value::Object(mut members)) => members.remove("text").unwrap_or_default(),
            (_, value) => value,
        };
        fields.0.insert(change.in_220.to_owned(), value);
    }
}
