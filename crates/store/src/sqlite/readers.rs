//! Connections that can't write, for the api's reads, each on a blocking thread for the time of one read.

use super::failure::store_error;
use crate::StoreError;
use rusqlite::Connection;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;

/// The connections that are not in use, and as many permits.
#[derive(Debug)]
pub(super) struct Readers {
    idle: Mutex<Vec<Connection>>,
    permits: Semaphore,
}

impl Readers {
    pub(super) fn open(
        count: usize,
        connect: impl Fn() -> Result<Connection, StoreError>,
    ) -> Result<Self, StoreError> {
        let idle = (0..count.max(1)).map(|_| connect()).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { permits: Semaphore::new(idle.len()), idle: Mutex::new(idle) })
    }

    /// Runs `read` in one transaction: all its statements see the same state.
    pub(super) async fn run<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let gone = || StoreError::Unavailable("the store is closed".to_owned());
        let this = Arc::clone(self);
        // Held until the read is over, also where its caller is dropped.
        let permit = self.permits.acquire().await.map_err(|_| gone())?;
        permit.forget();
        let task = tokio::task::spawn_blocking(move || {
            let _returned = Returned(&this.permits);
            let taken = this.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut conn = taken.ok_or_else(gone)?;
            let result = conn.transaction().and_then(|tx| read(&tx)).map_err(|e| store_error(&e));
            if !this.permits.is_closed() {
                this.idle.lock().unwrap_or_else(PoisonError::into_inner).push(conn);
            }
            result
        });
        match task.await {
            Ok(result) => result,
            Err(error) => Err(StoreError::Unavailable(format!("a read was broken off: {error}"))),
        }
    }

    /// Closes what is idle now and the rest as it comes back.
    pub(super) fn close(&self) {
        self.permits.close();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

struct Returned<'a>(&'a Semaphore);

impl Drop for Returned<'_> {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}
