//! Opening and closing of a data folder.

use super::checkpoint::Checkpointer;
use super::commit::Tails;
use super::failure::store_error;
use super::folder::{self, FolderLock};
use super::readers::Readers;
use super::writer::Writer;
use super::{checkpoint, migrate};
use crate::StoreError;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What tests and unusual machines change.
#[derive(Clone, Debug)]
pub struct Options {
    /// Connections for the api's reads.
    pub readers: usize,
    /// Page cache of the writer, KiB.
    pub writer_cache_kib: u32,
    /// Frames in the write-ahead log at which it is copied into the database file.
    pub checkpoint_frames: u32,
    /// Runs that are not yet in the lists of workers' tasks, at most: readers pass over as many.
    pub run_tail: u32,
    /// Events that are not yet in the lists of jobs' events, at most: readers of one job's log pass over as many.
    pub event_tail: u32,
    /// The database file may not grow past this many pages, where set.
    pub max_pages: Option<u32>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 4,
            // Four times as much costs a tenth of a commit: a split of a B-tree makes its end walk the whole cache.
            writer_cache_kib: 16 * 1024,
            checkpoint_frames: 8_192,
            run_tail: 4_096,
            event_tail: 16_384,
            max_pages: None,
        }
    }
}

/// The store in a folder on this machine. Dropping it ends its threads and gives the folder free.
#[derive(Debug)]
pub struct SqliteStore {
    pub(super) writer: Writer,
    pub(super) readers: Arc<Readers>,
    pub(super) tails: Tails,
    checkpointer: Checkpointer,
    // The last field: given free when every connection is closed.
    _lock: FolderLock,
}

impl SqliteStore {
    /// Locks the folder (made where missing), recovers the file, brings its schema up to date and starts the
    /// threads. Blocking: milliseconds, or as long as it takes to recover a write-ahead log (it is bounded).
    ///
    /// # Errors
    /// [`StoreError::Locked`] while another process has the folder, [`StoreError::Damaged`] where the file is not
    /// a database of this program or of an older version of it.
    pub fn open(folder: &Path) -> Result<Arc<Self>, StoreError> {
        Self::open_with(folder, &Options::default())
    }

    /// [`SqliteStore::open`] with other settings than the shipped ones.
    ///
    /// # Errors
    /// As [`SqliteStore::open`].
    pub fn open_with(folder: &Path, options: &Options) -> Result<Arc<Self>, StoreError> {
        let lock = folder::lock(folder)?;
        let file = folder.join("ukai.db");
        let mut conn = connect(&file, options.writer_cache_kib)?;
        migrate::migrate(&mut conn)?;
        if let Some(pages) = options.max_pages {
            conn.pragma_update(None, "max_page_count", pages).map_err(|e| store_error(&e))?;
        }
        let (signal, wake) = checkpoint::signal(options.checkpoint_frames);
        signal.watch(&mut conn).map_err(|e| store_error(&e))?;
        let readers = Readers::open(options.readers, || {
            let conn = connect(&file, 8 * 1024)?;
            conn.pragma_update(None, "query_only", true).map_err(|e| store_error(&e))?;
            Ok(conn)
        })?;
        let side = connect(&file, 1024)?;
        let thread = |e: std::io::Error| StoreError::Unavailable(format!("can't start a thread: {e}"));
        let writer = Writer::start(conn).map_err(thread)?;
        let checkpointer = Checkpointer::start(side, &file, wake, writer.weak()).map_err(thread)?;
        let tails = Tails { runs: options.run_tail.into(), events: options.event_tail.into() };
        Ok(Arc::new(Self { writer, readers: Arc::new(readers), tails, checkpointer, _lock: lock }))
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.readers.close();
        self.writer.stop();
        // The writer's connection woke the checkpointer; without it the checkpointer ends.
        self.checkpointer.join();
    }
}

/// A connection with the settings that all share.
fn connect(file: &Path, cache_kib: u32) -> Result<Connection, StoreError> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let configure = || -> rusqlite::Result<Connection> {
        let conn = Connection::open_with_flags(file, flags)?;
        conn.busy_timeout(Duration::from_secs(5))?;
        conn.set_prepared_statement_cache_capacity(256);
        conn.pragma_update(None, "journal_mode", "WAL")?;
        conn.pragma_update(None, "synchronous", "FULL")?;
        conn.pragma_update(None, "foreign_keys", false)?;
        conn.pragma_update(None, "wal_autocheckpoint", 0)?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        conn.pragma_update(None, "cache_size", -i64::from(cache_kib))?;
        conn.pragma_update(None, "trusted_schema", false)?;
        Ok(conn)
    };
    configure().map_err(|e| match store_error(&e) {
        StoreError::Damaged(text) => StoreError::Damaged(format!("{}: {text}", file.display())),
        StoreError::Unavailable(text) => StoreError::Unavailable(format!("{}: {text}", file.display())),
        other => other,
    })
}
