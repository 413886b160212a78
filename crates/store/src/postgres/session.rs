//! One connection with the statements that were prepared on it.

use super::address::Address;
use super::commit::{columns, with_alike};
use super::failure::Failure;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tokio::task::AbortHandle;
use tokio::time::Instant;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row, Statement};

/// Parameters of a statement.
pub(super) type Params<'p> = &'p [&'p (dyn ToSql + Sync)];

/// One text.
#[derive(Default)]
struct Prepared {
    /// The parameters that may be single values instead of columns.
    columns: Option<u32>,
    /// By which of them are.
    forms: HashMap<u32, Statement>,
}

/// Forms of one text at most: each is held by the server, too.
const MOST_FORMS: usize = 12;

pub(super) struct Session {
    client: Client,
    /// By their text; all of them are constants of this crate.
    prepared: Mutex<HashMap<&'static str, Prepared>>,
    socket: AbortHandle,
    pub(super) opened: Instant,
    pub(super) used: Instant,
}

impl Session {
    pub(super) async fn open(address: &Address) -> Result<Self, Failure> {
        let (client, connection) = address.config.connect(address.tls.clone()).await?;
        let socket = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(
                    error = super::failure::describe(&error),
                    "a connection to the database ended"
                );
            }
        });
        let now = Instant::now();
        let prepared = Mutex::default();
        Ok(Self { client, prepared, socket: socket.abort_handle(), opened: now, used: now })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Closes the socket at once, whatever is under way on it.
    pub(super) fn cut(self) {
        self.socket.abort();
    }

    pub(super) async fn prepare(&self, sql: &'static str) -> Result<Statement, Failure> {
        Ok(self.prepare_alike(sql, 0).await?.0)
    }

    /// The form of the statement that takes single values for the columns `alike`, given by bits from the first on, and
    /// for which of them it does: at least one stays a column.
    pub(super) async fn prepare_alike(
        &self,
        sql: &'static str,
        alike: u32,
    ) -> Result<(Statement, u32), Failure> {
        let (known, alike) = self.look_up(sql, alike);
        if let Some(statement) = known {
            return Ok((statement, alike));
        }
        let statement = match alike {
            0 => self.client.prepare(sql).await?,
            _ => self.client.prepare(&with_alike(sql, alike)).await?,
        };
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        prepared.entry(sql).or_default().forms.insert(alike, statement.clone());
        Ok((statement, alike))
    }

    fn look_up(&self, sql: &'static str, alike: u32) -> (Option<Statement>, u32) {
        let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
        let text = prepared.entry(sql).or_default();
        let alike = match alike {
            0 => 0,
            _ => {
                let columns = *text.columns.get_or_insert_with(|| columns(sql));
                if alike & columns == columns { 0 } else { alike & columns }
            }
        };
        let alike = if text.forms.contains_key(&alike) || text.forms.len() < MOST_FORMS { alike } else { 0 };
        (text.forms.get(&alike).cloned(), alike)
    }

    /// The number of rows that it changed.
    pub(super) async fn execute(&self, sql: &'static str, params: Params<'_>) -> Result<u64, Failure> {
        let statement = self.prepare(sql).await?;
        Ok(self.client.execute(&statement, params).await?)
    }

    /// The same of a statement that was prepared here. It is sent when the future is polled first, so that several can
    /// be under way at once.
    pub(super) async fn send(&self, statement: &Statement, params: Params<'_>) -> Result<u64, Failure> {
        Ok(self.client.execute(statement, params).await?)
    }

    pub(super) async fn rows(&self, sql: &'static str, params: Params<'_>) -> Result<Vec<Row>, Failure> {
        let statement = self.prepare(sql).await?;
        Ok(self.client.query(&statement, params).await?)
    }

    pub(super) async fn row(&self, sql: &'static str, params: Params<'_>) -> Result<Option<Row>, Failure> {
        Ok(self.rows(sql, params).await?.into_iter().next())
    }

    /// Of a text that was put together: planned anew each time.
    pub(super) async fn rows_of(
        &self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Vec<Row>, Failure> {
        Ok(self.client.query_typed(sql, params).await?)
    }

    /// Statements without parameters and without rows.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), Failure> {
        Ok(self.client.batch_execute(sql).await?)
    }

    /// Begins a transaction in which all reads see one state.
    pub(super) async fn begin_reads(&self) -> Result<(), Failure> {
        self.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }
}
