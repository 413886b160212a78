//! From SQLite's result codes to what a caller does about them.

use crate::{CommitError, StoreError};
use rusqlite::ErrorCode;

/// Why a write did not happen, before it is told to the caller.
#[derive(Debug)]
pub(super) enum Failure {
    /// The leader row has another epoch.
    Deposed,
    /// The commit's name is already there.
    Before,
    /// Rows are not as the commit says.
    Refused(String),
    /// SQLite says no.
    Sql(rusqlite::Error),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl Failure {
    /// For a commit of `epoch`. [`Failure::Before`] is no error of a commit; it doesn't come here.
    pub(super) fn into_commit_error(self, epoch: u64) -> CommitError {
        match self {
            Self::Deposed => CommitError::Deposed { epoch },
            Self::Before => CommitError::Unavailable("the name of a commit was found twice".to_owned()),
            Self::Refused(text) => CommitError::Refused(text),
            Self::Sql(error) => match kind(&error) {
                Kind::Data => CommitError::Refused(error.to_string()),
                Kind::Full => CommitError::Full(error.to_string()),
                Kind::Away | Kind::Damaged => CommitError::Unavailable(error.to_string()),
            },
        }
    }

    /// For a step outside commits.
    pub(super) fn into_store_error(self) -> StoreError {
        match self {
            Self::Deposed => StoreError::Unavailable("the leader row has another epoch".to_owned()),
            Self::Before => StoreError::Unavailable("the name of a commit was found twice".to_owned()),
            Self::Refused(text) => StoreError::Damaged(text),
            Self::Sql(error) => store_error(&error),
        }
    }
}

/// For reads.
pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    match kind(error) {
        Kind::Data | Kind::Damaged => StoreError::Damaged(error.to_string()),
        Kind::Full => StoreError::Full(error.to_string()),
        Kind::Away => StoreError::Unavailable(error.to_string()),
    }
}

/// Whether a row was refused because its key is there already.
pub(super) fn is_duplicate(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
    error
        .sqlite_error()
        .is_some_and(|e| matches!(e.extended_code, SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE))
}

/// Whether the data, not the machine, is the reason: sending it again would fail again.
pub(super) fn is_data(error: &rusqlite::Error) -> bool {
    matches!(kind(error), Kind::Data)
}

enum Kind {
    Data,
    Full,
    Away,
    Damaged,
}

fn kind(error: &rusqlite::Error) -> Kind {
    let Some(code) = error.sqlite_error_code() else {
        // Conversions of columns and parameters: the row, not the machine.
        return Kind::Data;
    };
    match code {
        ErrorCode::DiskFull => Kind::Full,
        ErrorCode::ConstraintViolation
        | ErrorCode::TypeMismatch
        | ErrorCode::TooBig
        | ErrorCode::ParameterOutOfRange => Kind::Data,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => Kind::Damaged,
        // Busy, I/O, memory, and whatever a later SQLite adds: the outcome is unknown.
        _ => Kind::Away,
    }
}
