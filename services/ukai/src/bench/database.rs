//! PostgreSQL as a measurement sees it: its processor time, and a snapshot that somebody holds open.

use ukai_store::postgres::Bystander;

use super::machine;
use crate::exit::Failure;

/// A connection beside those of the server.
pub(super) struct Database {
    bystander: Bystander,
    postmaster: Option<u32>,
}

impl Database {
    /// Connects. Errors: there is no database at `url`.
    pub(super) async fn connect(url: &str) -> Result<Self, Failure> {
        let failed = |error| Failure::failed(format!("--database-url: {error}"));
        let bystander = Bystander::connect(url, "ukai-bench").await.map_err(failed)?;
        let backend = bystander.backend().await.map_err(failed)?;
        Ok(Self { bystander, postmaster: machine::postmaster(backend) })
    }

    /// The process that started all others of the server, where they run on this machine.
    pub(super) fn postmaster(&self) -> Option<u32> {
        self.postmaster
    }

    /// Whether its processor time can be told.
    pub(super) fn is_local(&self) -> bool {
        self.postmaster.is_some()
    }

    /// Holds a snapshot from now on.
    pub(super) async fn hold_snapshot(&self) -> Result<(), Failure> {
        self.bystander.hold_snapshot().await.map_err(|error| Failure::failed(error.to_string()))
    }

    /// Lets it go. Errors: it was lost meanwhile.
    pub(super) async fn let_go(&self) -> Result<(), Failure> {
        self.bystander.let_go().await.map_err(|error| Failure::failed(error.to_string()))
    }
}
