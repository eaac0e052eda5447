//! Many new rows in one statement.
//!
//! New orders are what comes in crowds, and each is a row in the same few tables. Written one by one, most of the
//! server's work is the statements and not the rows. So the texts of writes that only insert are turned into texts
//! that insert as many rows as there are, with an array for each parameter.

use super::super::db::{Queued, Row, Statement, Value};
use std::collections::HashSet;
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

/// A prepared statement that inserts many rows.
pub(super) struct Many {
    pub(super) prepared: tokio_postgres::Statement,
    /// The types of one row's parameters.
    types: Vec<Type>,
    /// The parameters of the columns that the statement answers, which tell the row that was inserted from the others.
    /// Empty where nothing is answered.
    key: Vec<usize>,
}

impl Many {
    /// The many-row form of a one-row statement, where it has one.
    pub(super) async fn of(
        client: &Client,
        sql: &str,
        one: &tokio_postgres::Statement,
    ) -> Result<Option<Self>, tokio_postgres::Error> {
        let Some(row) = OneRow::read(sql) else { return Ok(None) };
        let types = one.params().to_vec();
        if types.len() != row.parameters() || types.iter().any(|of| array_of(of).is_none()) {
            return Ok(None);
        }
        let Some((text, key)) = row.for_many(&types) else { return Ok(None) };
        Ok(Some(Self { prepared: client.prepare(&text).await?, types, key }))
    }

    /// Whether it says which rows were inserted and which were there before.
    pub(super) fn decides(&self) -> bool {
        !self.key.is_empty()
    }

    /// One array for each parameter.
    pub(super) fn arrays(&self, rows: &[&Statement]) -> Vec<Box<dyn ToSql + Sync + Send>> {
        let column =
            |at: usize| rows.iter().map(move |row| row.params.get(at).cloned().unwrap_or(Value::Null));
        (0..self.types.len()).map(|at| Box::new(column(at).collect::<Vec<Value>>()) as Box<_>).collect()
    }

    /// Of these rows, which ones the statement has answered.
    pub(super) fn inserted(&self, rows: &[&Statement], answered: Vec<Row>) -> Vec<bool> {
        let answered: HashSet<Vec<Value>> = answered.into_iter().map(|row| row.0).collect();
        let key_of = |row: &Statement| -> Vec<Value> {
            self.key.iter().map(|at| row.params.get(*at).cloned().unwrap_or(Value::Null)).collect()
        };
        rows.iter().map(|row| answered.contains(&key_of(row))).collect()
    }
}

/// The writes of a group that can be done together: all alike, and none about what another one is about. `is_many`
/// says whether a text has a many-row form, and `decides` whether that tells which rows were new.
pub(super) fn alike(
    group: &[Queued],
    is_many: impl Fn(&'static str) -> bool,
    decides: impl Fn(&'static str) -> bool,
) -> Vec<usize> {
    let fits = |queued: &Queued| {
        let write = &queued.write;
        write.guarded && decides(write.first.sql) && write.rest.iter().all(|statement| is_many(statement.sql))
    };
    let Some(model) = group.iter().find(|queued| fits(queued)).map(|queued| &queued.write) else {
        return Vec::new();
    };
    let is_like_it = |queued: &Queued| {
        let write = &queued.write;
        write.guarded
            && write.first.sql == model.first.sql
            && write.rest.len() == model.rest.len()
            && write.rest.iter().zip(&model.rest).all(|(one, other)| one.sql == other.sql)
    };
    let mut keys = HashSet::new();
    let alike = group.iter().enumerate().filter(|(_, queued)| is_like_it(queued));
    let alike: Vec<usize> =
        alike.filter(|(_, queued)| keys.insert(&queued.write.key)).map(|(at, _)| at).collect();
    if alike.len() < 2 { Vec::new() } else { alike }
}

/// `INSERT INTO table (columns) VALUES (…)` with parameters and numbers as values, and what follows.
#[derive(Debug, PartialEq, Eq)]
struct OneRow<'a> {
    table: &'a str,
    columns: Vec<&'a str>,
    values: Vec<Given<'a>>,
    /// From `ON CONFLICT` on, or nothing.
    tail: &'a str,
}

/// What stands for a column.
#[derive(Debug, PartialEq, Eq)]
enum Given<'a> {
    /// A parameter, counted from 0.
    Parameter(usize),
    Literal(&'a str),
}

impl<'a> OneRow<'a> {
    fn read(sql: &'a str) -> Option<Self> {
        let (table, rest) = sql.strip_prefix("INSERT INTO ")?.split_once(" (")?;
        let (columns, rest) = rest.split_once(") VALUES (")?;
        let (values, tail) = rest.split_once(')')?;
        let values = values.split(',').map(|value| Given::read(value.trim())).collect::<Option<Vec<_>>>()?;
        let columns: Vec<_> = columns.split(',').map(str::trim).collect();
        let tail = tail.trim();
        let is_plain = (tail.is_empty() || tail.starts_with("ON CONFLICT (")) && !tail.contains(['$', ';']);
        let is_whole = columns.len() == values.len() && !tail.contains("RETURNING");
        (is_plain && is_whole).then_some(Self { table, columns, values, tail })
    }

    fn parameters(&self) -> usize {
        let numbers = self.values.iter().filter_map(|value| match value {
            Given::Parameter(at) => Some(at.saturating_add(1)),
            Given::Literal(_) => None,
        });
        numbers.max().unwrap_or(0)
    }

    /// The text, and the parameters of the columns it answers.
    fn for_many(&self, types: &[Type]) -> Option<(String, Vec<usize>)> {
        let arrays: Vec<_> =
            types.iter().enumerate().map(|(at, of)| array_of(of).map(|of| (at, of))).collect();
        let arrays: Vec<_> = arrays.into_iter().collect::<Option<_>>()?;
        let numbered = |at: usize| at.saturating_add(1);
        let casts: Vec<String> = arrays.iter().map(|(at, of)| format!("${}::{of}", numbered(*at))).collect();
        let names: Vec<String> = arrays.iter().map(|(at, _)| format!("p{}", numbered(*at))).collect();
        let values = self.values.iter().map(|value| match value {
            Given::Parameter(at) => format!("p{}", numbered(*at)),
            Given::Literal(text) => (*text).to_owned(),
        });
        let values: Vec<String> = values.collect();
        let (answers, key) = self.answers()?;
        let Self { table, columns, tail, .. } = self;
        let text = format!(
            "INSERT INTO {table} ({}) SELECT {} FROM UNNEST({}) AS given({}) {tail}{answers}",
            columns.join(", "),
            values.join(", "),
            casts.join(", "),
            names.join(", "),
        );
        Some((text, key))
    }

    /// Where a row that is there already is left alone, the columns that say which one it is.
    fn answers(&self) -> Option<(String, Vec<usize>)> {
        let Some(target) = self.tail.strip_suffix(") DO NOTHING") else {
            return Some((String::new(), Vec::new()));
        };
        let target = target.strip_prefix("ON CONFLICT (")?;
        let parameter = |name: &str| {
            let at = self.columns.iter().position(|column| *column == name)?;
            match self.values.get(at)? {
                Given::Parameter(at) => Some(*at),
                Given::Literal(_) => None,
            }
        };
        let key = target.split(',').map(|name| parameter(name.trim())).collect::<Option<Vec<_>>>()?;
        Some((format!(" RETURNING {target}"), key))
    }
}

impl<'a> Given<'a> {
    fn read(value: &'a str) -> Option<Self> {
        if let Some(number) = value.strip_prefix('$') {
            return number.parse::<usize>().ok()?.checked_sub(1).map(Self::Parameter);
        }
        let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some(Self::Literal(value))
    }
}

fn array_of(of: &Type) -> Option<&'static str> {
    match *of {
        Type::INT8 => Some("BIGINT[]"),
        Type::TEXT => Some("TEXT[]"),
        Type::BYTEA => Some("BYTEA[]"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_becomes_many_with_an_array_for_each_parameter() {
        let sql = "INSERT INTO job (site_id, kind, due_at, made_at, lease) VALUES ($1, $2, $3, $3, 0) \
                   ON CONFLICT (site_id, kind) DO UPDATE SET due_at = excluded.due_at";
        let types = [Type::INT8, Type::TEXT, Type::INT8];
        let (text, key) = OneRow::read(sql).unwrap().for_many(&types).unwrap();
        assert_eq!(
            text,
            "INSERT INTO job (site_id, kind, due_at, made_at, lease) SELECT p1, p2, p3, p3, 0 \
             FROM UNNEST($1::BIGINT[], $2::TEXT[], $3::BIGINT[]) AS given(p1, p2, p3) \
             ON CONFLICT (site_id, kind) DO UPDATE SET due_at = excluded.due_at"
        );
        assert!(key.is_empty());
    }

    #[test]
    fn a_row_that_may_be_there_already_is_told_by_what_it_would_conflict_with() {
        let sql = "INSERT INTO shop_order (version, site_id, order_id) VALUES ($3, $1, $2) \
                   ON CONFLICT (site_id, order_id) DO NOTHING";
        let (text, key) = OneRow::read(sql).unwrap().for_many(&[Type::INT8, Type::TEXT, Type::INT8]).unwrap();
        assert!(text.ends_with("DO NOTHING RETURNING site_id, order_id"), "{text}");
        assert_eq!(key, [0, 1]);
    }

    #[test]
    fn whatever_is_more_than_a_row_is_left_as_it_is() {
        for sql in [
            "UPDATE shop_order SET version = $1",
            "INSERT INTO t (a) SELECT $1",
            "INSERT INTO t (a) VALUES (CAST($1 AS BIGINT))",
            "INSERT INTO t (a, b) VALUES ($1, (SELECT 1))",
            "INSERT INTO t (a) VALUES ($1) RETURNING a",
            "INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET a = $1",
            "INSERT INTO t (a, b) VALUES ($1)",
            "INSERT INTO t (a) VALUES ($1) ON CONFLICT DO NOTHING",
        ] {
            assert_eq!(OneRow::read(sql), None, "{sql}");
        }
    }
}
