//! A card with two brands. No card that Kassa takes has two of its own accord: an operator's ranges say so.

use super::Setup;

/// Ranges of an operator's own.
pub(crate) const COBADGED_RANGES: &str = r#"ranges = [
    { low = "67999910", brands = ["MASTERCARD", "MAESTRO"], digits = "16", country = "BE", funding = "D", product = "MDB" },
]"#;
/// A card of them.
pub(crate) const COBADGED: &str = "6799991000000002";

impl Setup {
    /// A gateway of that operator.
    pub(crate) fn cobadged() -> Self {
        Self { ranges: COBADGED_RANGES, ..Self::default() }
    }
}
