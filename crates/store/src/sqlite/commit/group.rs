//! One statement for many rows, each of which must change exactly as many rows as it says.

use crate::sqlite::failure::{Failure, is_data};
use rusqlite::{CachedStatement, Connection, Params};
use std::fmt::Display;

/// A prepared statement with the name that its errors carry.
pub(super) struct Group<'c> {
    name: &'static str,
    statement: CachedStatement<'c>,
}

impl<'c> Group<'c> {
    pub(super) fn new(conn: &'c Connection, name: &'static str, sql: &str) -> Result<Self, Failure> {
        Ok(Self { name, statement: conn.prepare_cached(sql)? })
    }

    /// Must change exactly one row; `what` says which.
    pub(super) fn one(&mut self, params: impl Params, what: impl Display) -> Result<(), Failure> {
        match self.any(params, &what)? {
            1 => Ok(()),
            rows => Err(Failure::Refused(format!("{}: {rows} rows instead of 1 for {what}", self.name))),
        }
    }

    /// May change any number of rows.
    pub(super) fn any(&mut self, params: impl Params, what: impl Display) -> Result<usize, Failure> {
        self.statement.execute(params).map_err(|error| {
            if is_data(&error) {
                Failure::Refused(format!("{}: {error} for {what}", self.name))
            } else {
                Failure::Sql(error)
            }
        })
    }
}

/// A number as SQLite keeps it.
pub(super) fn number(what: &str, value: u64) -> Result<i64, Failure> {
    i64::try_from(value).map_err(|_| Failure::Refused(format!("{what} number {value} is too large")))
}

/// JSON text of a value of ours.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(|e| Failure::Refused(format!("not writable as JSON: {e}")))
}
