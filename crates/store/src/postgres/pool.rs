//! Connections that are looked at before they are used, and closed where there is any doubt.
//!
//! A link can be half open, its server demoted or restarted. So a connection that lay idle is asked first whether it
//! still reaches a server of the right kind, with a limit of its own; one on which anything failed, or whose user was
//! dropped in the middle of a statement, is closed and never used again.

use super::Options;
use super::address::{Address, Purpose};
use super::failure::Failure;
use super::session::Session;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// A connection that lay idle for longer is asked before it is used.
const FRESH: Duration = Duration::from_millis(500);
/// For the answer.
const LOOK: Duration = Duration::from_secs(1);

pub(super) struct Pool {
    address: Address,
    purpose: Purpose,
    options: Options,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Session>>>,
}

/// What is done on a connection.
pub(super) type Work<'s, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 's>>;

impl Pool {
    pub(super) fn new(address: Address, purpose: Purpose, options: &Options, size: usize) -> Self {
        Self {
            address,
            purpose,
            options: options.clone(),
            permits: Arc::new(Semaphore::new(size.max(1))),
            idle: Arc::default(),
        }
    }

    /// Does `work` on a connection within `limit`. Where it fails for another reason than the data, the connection is
    /// closed; an open transaction ends with it.
    pub(super) async fn run<T>(
        &self,
        limit: Duration,
        work: impl for<'s> FnOnce(&'s Session) -> Work<'s, T>,
    ) -> Result<T, Failure> {
        let mut held = self.take().await?;
        match timeout(limit, work(&held)).await {
            Ok(result) => {
                held.reusable = result.as_ref().map_or_else(Failure::keeps_connection, |_| true);
                result
            }
            Err(_) => Err(Failure::Away(format!("no answer within {} ms", limit.as_millis()))),
        }
    }

    async fn take(&self) -> Result<Held, Failure> {
        let wait = self.options.acquire_timeout;
        let taken = timeout(wait, async {
            let permit = Arc::clone(&self.permits).acquire_owned().await;
            let permit = permit.map_err(|_| Failure::Away("the store is closed".to_owned()))?;
            let session = self.usable().await?;
            Ok(Held {
                session: Some(session),
                reusable: false,
                idle: Arc::clone(&self.idle),
                _permit: permit,
            })
        });
        let late = |_| Failure::Away(format!("no connection to the database within {} ms", wait.as_millis()));
        taken.await.map_err(late)?
    }

    async fn usable(&self) -> Result<Session, Failure> {
        loop {
            let next = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(session) = next else { break };
            if session.is_closed() || session.opened.elapsed() > self.options.lifetime {
                continue;
            }
            if session.used.elapsed() < FRESH {
                return Ok(session);
            }
            match timeout(LOOK, self.look(&session)).await {
                Ok(Ok(())) => return Ok(session),
                Ok(Err(failure)) => tracing::info!(?failure, "closed a connection to the database"),
                Err(_) => tracing::info!("closed a connection to the database that doesn't answer"),
            }
            session.cut();
        }
        let session = Session::open(&self.address).await?;
        if self.purpose == Purpose::Read {
            // Not among the settings that it is opened with: the driver takes a server for a standby by this one.
            session.batch("SET default_transaction_read_only = on").await?;
        }
        self.look(&session).await?;
        Ok(session)
    }

    /// Whether the server at the other end is one that this pool is for. A demoted one would go on to refuse writes, or
    /// to show what it had, for ever.
    async fn look(&self, session: &Session) -> Result<(), Failure> {
        let standby = || Failure::Away("the database is a standby, or read-only".to_owned());
        let sql = match self.purpose {
            Purpose::Read => "SELECT pg_catalog.pg_is_in_recovery()",
            Purpose::Lead | Purpose::Migrate => {
                "SELECT pg_catalog.current_setting('transaction_read_only')::boolean"
            }
        };
        let row = session.row(sql, &[]).await?.ok_or_else(standby)?;
        if row.try_get(0)? { Err(standby()) } else { Ok(()) }
    }
}

/// A connection in use. Dropped before its work is done, it is closed.
struct Held {
    session: Option<Session>,
    reusable: bool,
    idle: Arc<Mutex<Vec<Session>>>,
    _permit: OwnedSemaphorePermit,
}

impl Deref for Held {
    type Target = Session;

    #[allow(clippy::expect_used, reason = "the session is taken by drop alone")]
    fn deref(&self) -> &Session {
        self.session.as_ref().expect("a session until the drop")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(mut session) = self.session.take() else { return };
        if self.reusable {
            session.used = Instant::now();
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(session);
        } else {
            session.cut();
        }
    }
}
