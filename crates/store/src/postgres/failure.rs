//! From PostgreSQL's states to what a caller does about them.

use crate::{CommitError, StoreError};
use std::error::Error as _;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Why a step did not happen, before it is told to the caller.
#[derive(Debug)]
pub(super) enum Failure {
    /// The leader row has another epoch.
    Deposed,
    /// Rows are not as the commit says.
    Refused(String),
    /// Rows are not as this program writes them.
    Damaged(String),
    /// No connection, or no answer in time.
    Away(String),
    /// PostgreSQL or the connection to it says no.
    Sql(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Sql(error)
    }
}

impl Failure {
    /// For a commit of `epoch`, and what is fenced like one.
    pub(super) fn into_commit_error(self, epoch: u64) -> CommitError {
        match self {
            Self::Deposed => CommitError::Deposed { epoch },
            Self::Refused(text) => CommitError::Refused(text),
            Self::Damaged(text) | Self::Away(text) => CommitError::Unavailable(text),
            Self::Sql(error) => match kind(&error) {
                Kind::Data => CommitError::Refused(describe(&error)),
                Kind::Full => CommitError::Full(describe(&error)),
                Kind::Away | Kind::Damaged => CommitError::Unavailable(describe(&error)),
            },
        }
    }

    /// For reads and steps outside commits.
    pub(super) fn into_store_error(self) -> StoreError {
        match self {
            Self::Deposed => StoreError::Unavailable("the leader row has another epoch".to_owned()),
            Self::Refused(text) | Self::Damaged(text) => StoreError::Damaged(text),
            Self::Away(text) => StoreError::Unavailable(text),
            Self::Sql(error) => match kind(&error) {
                Kind::Data | Kind::Damaged => StoreError::Damaged(describe(&error)),
                Kind::Full => StoreError::Full(describe(&error)),
                Kind::Away => StoreError::Unavailable(describe(&error)),
            },
        }
    }

    /// Whether the data, not the machine, is the reason: the connection is as good as before.
    pub(super) fn keeps_connection(&self) -> bool {
        match self {
            Self::Deposed | Self::Refused(_) | Self::Damaged(_) => true,
            Self::Away(_) => false,
            Self::Sql(error) => matches!(kind(error), Kind::Data | Kind::Full),
        }
    }

    /// The same, with the name of the statement that it befell.
    pub(super) fn of(self, statement: &str) -> Self {
        match self {
            Self::Sql(error) if matches!(kind(&error), Kind::Data) => {
                Self::Refused(format!("{statement}: {}", describe(&error)))
            }
            other => other,
        }
    }
}

/// The message with its detail and code: the library's own text is «db error».
pub(super) fn describe(error: &Error) -> String {
    let Some(db) = error.as_db_error() else {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        return format!("{error}{cause}");
    };
    // Here the detail is the row that was refused: what pages say is no business of logs.
    let quotes_row = matches!(db.code(), &SqlState::CHECK_VIOLATION | &SqlState::NOT_NULL_VIOLATION);
    let detail = db.detail().filter(|_| !quotes_row).map(|detail| format!(" ({detail})")).unwrap_or_default();
    format!("{}{detail} [{}]", db.message(), db.code().code())
}

enum Kind {
    /// Sending it again would fail again.
    Data,
    /// No room.
    Full,
    /// Not there, busy, broken off: the outcome is unknown.
    Away,
    /// Damaged rows or files.
    Damaged,
}

fn kind(error: &Error) -> Kind {
    let Some(state) = error.code() else {
        // The library's own conversions have no other mark than their text.
        let text = error.to_string();
        let of_value = ["error serializing parameter", "error deserializing column", "expected "];
        return if of_value.iter().any(|begin| text.starts_with(begin)) { Kind::Data } else { Kind::Away };
    };
    match state {
        &SqlState::DISK_FULL => Kind::Full,
        &SqlState::DATA_CORRUPTED | &SqlState::INDEX_CORRUPTED => Kind::Damaged,
        state => match state.code().get(..2) {
            // Cardinality, data, integrity, limits of a row or an index entry.
            Some("21" | "22" | "23" | "54") => Kind::Data,
            // A lack of rights, tables or memory, a shutdown, a timeout, a lock, and whatever a later version adds.
            _ => Kind::Away,
        },
    }
}
