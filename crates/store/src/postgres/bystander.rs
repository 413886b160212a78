//! Somebody else's connection, for measurements: which process of the machine serves it, and what an old snapshot that
//! is held open costs those who work.

use super::Options;
use super::address::{Address, Purpose};
use super::columns::get;
use super::failure::Failure;
use super::session::Session;
use crate::StoreError;

/// One connection beside those of the services.
pub struct Bystander {
    session: Session,
}

impl Bystander {
    /// Connects as `name`.
    ///
    /// # Errors
    /// As [`super::PostgresReads::connect`]; the schema need not be there.
    pub async fn connect(url: &str, name: &str) -> Result<Self, StoreError> {
        let address = Address::parse(url, &Options::default(), Purpose::Read, name)?;
        let session = Session::open(&address).await.map_err(Failure::into_store_error)?;
        Ok(Self { session })
    }

    /// The number of the process that serves this connection, on the machine where the server runs.
    ///
    /// # Errors
    /// The server doesn't answer.
    pub async fn backend(&self) -> Result<u32, StoreError> {
        let read = async {
            let row = self.session.row("SELECT pg_catalog.pg_backend_pid()", &[]).await?;
            let id: i32 = row.map_or(Ok(0), |row| get(&row, 0))?;
            Ok(u32::try_from(id).unwrap_or(0))
        };
        read.await.map_err(Failure::into_store_error)
    }

    /// From now on the server keeps every row version that is visible now, until [`Bystander::let_go`].
    ///
    /// # Errors
    /// The server doesn't answer.
    pub async fn hold_snapshot(&self) -> Result<(), StoreError> {
        let sql = "SET idle_in_transaction_session_timeout = 0;
            BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1";
        self.session.batch(sql).await.map_err(Failure::into_store_error)
    }

    /// Lets the snapshot go.
    ///
    /// # Errors
    /// The server doesn't answer.
    pub async fn let_go(&self) -> Result<(), StoreError> {
        self.session.batch("ROLLBACK").await.map_err(Failure::into_store_error)
    }
}
