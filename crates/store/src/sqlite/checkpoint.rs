//! Copies the write-ahead log into the database file beside the writer, and keeps the log's size bounded.
//!
//! A passive checkpoint copies what was there when it began; under load the writer has added more by its end, so
//! the log never starts over by itself. The writer then copies that little rest between two commits.

use super::writer::WeakWriter;
use rusqlite::Connection;
use rusqlite::wal::CheckpointMode;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Quiet for so long is idle: then the rest is copied and a large log file shrinks.
const IDLE: Duration = Duration::from_secs(2);
/// A log file larger than this is cut when idle, bytes.
const LARGE: u64 = 16 * 1024 * 1024;

/// Tells the checkpointer of commits.
pub(super) struct Signal {
    wake: SyncSender<()>,
    limits: Arc<Limits>,
}

/// The other end of a [`Signal`].
pub(super) struct Wake {
    woken: Receiver<()>,
    limits: Arc<Limits>,
}

struct Limits {
    /// Frames at which a checkpoint is due, as shipped.
    base: u32,
    /// Frames at which the next one is due.
    next: AtomicU32,
    /// Frames now.
    frames: AtomicU32,
}

pub(super) fn signal(frames: u32) -> (Signal, Wake) {
    let (wake, woken) = sync_channel(1);
    let limits = Arc::new(Limits { base: frames, next: AtomicU32::new(frames), frames: AtomicU32::new(0) });
    (Signal { wake, limits: Arc::clone(&limits) }, Wake { woken, limits })
}

impl Signal {
    /// From now on each commit of `conn` counts.
    pub(super) fn watch(self, conn: &mut Connection) -> rusqlite::Result<()> {
        conn.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages: std::ffi::c_int| {
            let frames = u32::try_from(pages).unwrap_or(0);
            self.limits.frames.store(frames, Ordering::Relaxed);
            if frames >= self.limits.next.load(Ordering::Relaxed) {
                // Full: it is already called.
                let _ = self.wake.try_send(());
            }
            Ok(())
        }))
    }
}

/// The thread with a connection of its own.
#[derive(Debug)]
pub(super) struct Checkpointer {
    thread: Option<JoinHandle<Connection>>,
}

impl Checkpointer {
    pub(super) fn start(
        conn: Connection,
        file: &Path,
        wake: Wake,
        writer: WeakWriter,
    ) -> std::io::Result<Self> {
        let mut log_file = file.as_os_str().to_owned();
        log_file.push("-wal");
        let worker = Worker { conn, log_file: log_file.into(), wake, writer, copied: 0 };
        let thread =
            std::thread::Builder::new().name("store-checkpoint".to_owned()).spawn(move || worker.serve())?;
        Ok(Self { thread: Some(thread) })
    }

    /// Waits for the end of the thread, which comes with the end of the writer's connection. Its own connection is
    /// closed only now: the last one to be closed copies the log and removes it, and two at once leave it behind.
    pub(super) fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was logged where it happened.
            drop(thread.join());
        }
    }
}

struct Worker {
    conn: Connection,
    log_file: PathBuf,
    wake: Wake,
    writer: WeakWriter,
    /// Frames that the last checkpoint had copied.
    copied: u32,
}

impl Worker {
    /// Gives its connection back when the writer's is gone.
    fn serve(mut self) -> Connection {
        loop {
            match self.wake.woken.recv_timeout(IDLE) {
                Ok(()) => {
                    self.copy();
                    let limits = &self.wake.limits;
                    let now = limits.frames.load(Ordering::Relaxed);
                    limits.next.store(now.saturating_add(limits.base), Ordering::Relaxed);
                    self.finish();
                }
                Err(RecvTimeoutError::Timeout) => self.idle(),
                Err(RecvTimeoutError::Disconnected) => return self.conn,
            }
        }
    }

    /// Copies as much as readers allow of what was there when it began.
    fn copy(&mut self) {
        match self.conn.wal_checkpoint_v2(None::<&str>, CheckpointMode::PASSIVE) {
            Ok((_, copied)) => self.copied = u32::try_from(copied).unwrap_or(0),
            Err(error) => tracing::warn!(%error, "could not copy the write-ahead log into the database file"),
        }
    }

    /// Has the writer copy the rest between two commits; the next commit then begins at the log's start.
    fn finish(&self) {
        let limits = Arc::clone(&self.wake.limits);
        self.writer.try_send(move |conn| {
            match conn.wal_checkpoint_v2(None::<&str>, CheckpointMode::PASSIVE) {
                Ok((frames, copied)) if frames == copied => limits.next.store(limits.base, Ordering::Relaxed),
                // A reader is still on an old frame: the next limit lies further.
                Ok(_) => {}
                Err(error) => tracing::warn!(%error, "could not finish copying the write-ahead log"),
            }
        });
    }

    fn idle(&mut self) {
        let frames = self.wake.limits.frames.load(Ordering::Relaxed);
        if frames != self.copied {
            self.copy();
        }
        let size = std::fs::metadata(&self.log_file).map_or(0, |m| m.len());
        if size > LARGE {
            // Gives up at once where somebody reads or writes; tried again when idle the next time.
            let _ = self.conn.busy_timeout(Duration::ZERO);
            if self.conn.wal_checkpoint_v2(None::<&str>, CheckpointMode::TRUNCATE).is_ok() {
                tracing::debug!(bytes = size, "cut the write-ahead log");
            }
        }
    }
}
