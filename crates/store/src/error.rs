//! How the store fails, apart from each other where callers act apart.

/// A commit that was not applied, or whose outcome is unknown.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The leader row has another epoch: release nothing, answer nobody, drop memory, stand by.
    #[error("deposed: the leader row has another epoch than {epoch}")]
    Deposed {
        /// Mine.
        epoch: u64,
    },
    /// Data or constraint: sending it again would fail again. Nothing was written.
    #[error("refused by the store: {0}")]
    Refused(String),
    /// Not reachable, locked or broken off: the outcome is unknown, the same commit is sent again.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// The disk or the database is full. Nothing was written.
    #[error("storage full: {0}")]
    Full(String),
}

/// A read or a step outside commits that failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The data folder is in use, with who holds it.
    #[error("{0}")]
    Locked(String),
    /// The database's address can't be used; it will not do so later either.
    #[error("{0}")]
    Address(String),
    /// The rows can't be understood: a bug or a damaged file.
    #[error("damaged: {0}")]
    Damaged(String),
    /// Not reachable.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// The disk or the database is full.
    #[error("storage full: {0}")]
    Full(String),
}
