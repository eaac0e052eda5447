//! The keys of a TOML table, each taken once, so that what is wrong or left over can be named.

use super::ProfileError;
use toml::{Table, Value};

/// A table and the path to it.
pub(super) struct Keys {
    path: String,
    table: Table,
}

impl Keys {
    pub(super) fn new(path: &str, table: Table) -> Self {
        Self { path: path.to_owned(), table }
    }

    /// The error of the key of this name.
    pub(super) fn wrong(&self, key: &str, reason: impl Into<String>) -> ProfileError {
        let key = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        ProfileError { key, reason: reason.into() }
    }

    pub(super) fn missing(&self, key: &str) -> ProfileError {
        self.wrong(key, "missing")
    }

    pub(super) fn value(&mut self, key: &str) -> Option<Value> {
        self.table.remove(key)
    }

    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>, ProfileError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong(key, "expected text in quotes")),
        }
    }

    pub(super) fn flag(&mut self, key: &str) -> Result<Option<bool>, ProfileError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::Boolean(flag)) => Ok(Some(flag)),
            Some(_) => Err(self.wrong(key, "expected true or false")),
        }
    }

    pub(super) fn number(&mut self, key: &str) -> Result<Option<usize>, ProfileError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::Integer(number)) => {
                usize::try_from(number).map(Some).map_err(|_| self.wrong(key, "expected a positive number"))
            }
            Some(_) => Err(self.wrong(key, "expected a number")),
        }
    }

    /// One of `words`.
    pub(super) fn word<T: Copy>(
        &mut self,
        key: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, ProfileError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        match words.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Ok(Some(*value)),
            None => {
                let expected: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(self.wrong(key, format!("expected {}", expected.join(" or "))))
            }
        }
    }

    pub(super) fn table(&mut self, key: &str) -> Result<Option<Self>, ProfileError> {
        match self.table.remove(key) {
            None => Ok(None),
            Some(Value::Table(table)) => Ok(Some(Self { path: self.wrong(key, "").key, table })),
            Some(_) => Err(self.wrong(key, "expected a table")),
        }
    }

    /// The names of the keys that are still there.
    pub(super) fn names(&self) -> Vec<String> {
        self.table.keys().cloned().collect()
    }

    /// Refuses what nobody took.
    pub(super) fn finish(self) -> Result<(), ProfileError> {
        match self.table.keys().next() {
            None => Ok(()),
            Some(key) => Err(self.wrong(key, "unknown key")),
        }
    }
}
