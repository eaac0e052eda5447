//! Protocol versions: the two that are spoken here, all that others may name, and which one a conversation is held in.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A protocol version that this crate speaks (`messageVersion`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Version {
    /// 2.2.0.
    #[serde(rename = "2.2.0")]
    V220,
    /// 2.3.1.
    #[serde(rename = "2.3.1")]
    V231,
}

impl Version {
    /// Every version spoken here, oldest first.
    pub const ALL: &'static [Self] = &[Self::V220, Self::V231];

    /// The text of `messageVersion`.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::V220 => "2.2.0",
            Self::V231 => "2.3.1",
        }
    }

    /// The version with this text, if it is spoken here.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|version| version.text() == text)
    }

    /// The same among all the versions that card ranges name.
    #[must_use]
    pub const fn protocol(self) -> ProtocolVersion {
        match self {
            Self::V220 => ProtocolVersion { major: 2, minor: 2, patch: 0 },
            Self::V231 => ProtocolVersion { major: 2, minor: 3, patch: 1 },
        }
    }
}

/// Any version that a card range can name, such as `2.1.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ProtocolVersion {
    major: u8,
    minor: u8,
    patch: u8,
}

impl ProtocolVersion {
    /// Versions that exist: what a span between two of them can contain.
    pub const KNOWN: &'static [Self] = &[
        Self { major: 2, minor: 1, patch: 0 },
        Self { major: 2, minor: 2, patch: 0 },
        Self { major: 2, minor: 3, patch: 0 },
        Self { major: 2, minor: 3, patch: 1 },
    ];

    /// Takes three numbers with dots between them, 5–8 characters.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if !(5..=8).contains(&text.len()) {
            return None;
        }
        let number = |part: Option<&str>| {
            part.filter(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))?
                .parse()
                .ok()
        };
        let mut parts = text.split('.');
        let (major, minor, patch) = (number(parts.next())?, number(parts.next())?, number(parts.next())?);
        parts.next().is_none().then_some(Self { major, minor, patch })
    }
}

impl fmt::Display for ProtocolVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

impl From<ProtocolVersion> for String {
    fn from(version: ProtocolVersion) -> Self {
        version.to_string()
    }
}

impl TryFrom<String> for ProtocolVersion {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("no protocol version")
    }
}

/// All versions from `start` to `end`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VersionSpan {
    /// The oldest.
    pub start: ProtocolVersion,
    /// The newest.
    pub end: ProtocolVersion,
}

impl VersionSpan {
    /// One version and no other.
    #[must_use]
    pub const fn only(version: ProtocolVersion) -> Self {
        Self { start: version, end: version }
    }

    /// Whether `version` is one of them.
    #[must_use]
    pub fn contains(&self, version: ProtocolVersion) -> bool {
        (self.start..=self.end).contains(&version)
    }
}

/// The newest version that the ACS of a card range, the directory server and we have in common.
///
/// A directory server that names no versions takes any. `None`: the card cannot be authenticated.
///
/// ```
/// use emv3ds::version::{ProtocolVersion, Version, VersionSpan, choose};
///
/// let span = |start, end| VersionSpan {
///     start: ProtocolVersion::parse(start).unwrap(),
///     end: ProtocolVersion::parse(end).unwrap(),
/// };
/// let (acs, ds) = (span("2.1.0", "2.2.0"), span("2.1.0", "2.3.1"));
/// assert_eq!(choose(&[acs], &[ds], Version::ALL), Some(Version::V220));
/// assert_eq!(choose(&[acs], &[ds], &[Version::V231]), None);
/// ```
#[must_use]
pub fn choose(acs: &[VersionSpan], ds: &[VersionSpan], ours: &[Version]) -> Option<Version> {
    let within =
        |spans: &[VersionSpan], version: Version| spans.iter().any(|span| span.contains(version.protocol()));
    let common = ours.iter().copied();
    common.filter(|&ours| within(acs, ours) && (ds.is_empty() || within(ds, ours))).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: &str, end: &str) -> VersionSpan {
        VersionSpan {
            start: ProtocolVersion::parse(start).unwrap(),
            end: ProtocolVersion::parse(end).unwrap(),
        }
    }

    #[test]
    fn the_newest_common_version_is_chosen() {
        for (acs, ds, ours, chosen) in [
            (("2.1.0", "2.3.1"), Some(("2.1.0", "2.3.1")), Version::ALL, Some(Version::V231)),
            (("2.1.0", "2.3.1"), Some(("2.1.0", "2.2.0")), Version::ALL, Some(Version::V220)),
            (("2.1.0", "2.2.0"), None, Version::ALL, Some(Version::V220)),
            (("2.1.0", "2.3.0"), None, Version::ALL, Some(Version::V220)),
            (("2.3.1", "2.3.1"), None, &[Version::V220], None),
            (("2.1.0", "2.1.0"), None, Version::ALL, None),
            (("2.2.0", "2.2.0"), Some(("2.3.1", "2.3.1")), Version::ALL, None),
        ] {
            let ds: Vec<_> = ds.map(|(start, end)| span(start, end)).into_iter().collect();
            assert_eq!(choose(&[span(acs.0, acs.1)], &ds, ours), chosen, "{acs:?} {ds:?}");
        }
        assert_eq!(choose(&[], &[], Version::ALL), None, "an ACS without versions takes part in nothing");
    }

    #[test]
    fn versions_are_three_numbers() {
        assert!(ProtocolVersion::parse("2.10.0") > ProtocolVersion::parse("2.9.0"));
        for text in ["", "2", "2.2", "2.2.", "2.2.0.1", "2.2.x", "a.b.c", "2.2.+1", "2.256.0", "2.2.0 "] {
            assert_eq!(ProtocolVersion::parse(text), None, "{text}");
        }
    }
}
