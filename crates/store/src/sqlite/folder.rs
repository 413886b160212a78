//! One process a data folder: two writers that each think that they are alone would lose tasks.

use crate::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

/// Holds `ukai.lock`; the kernel lets go when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct FolderLock {
    file: File,
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing is not enough: a process that is just being started from here has the file open until its exec.
        if let Err(error) = self.file.unlock() {
            tracing::warn!(%error, "could not unlock the data folder");
        }
    }
}

/// Makes the folder where it is missing and locks it, or says who holds it.
pub(super) fn lock(folder: &Path) -> Result<FolderLock, StoreError> {
    let io = |what: &str, error: &std::io::Error| {
        StoreError::Unavailable(format!("{what} {}: {error}", folder.display()))
    };
    std::fs::create_dir_all(folder).map_err(|e| io("can't make the data folder", &e))?;
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(folder.join("ukai.lock"))
        .map_err(|e| io("can't open ukai.lock in", &e))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let known = file.read_to_string(&mut holder).is_ok() && !holder.trim().is_empty();
            let holder =
                if known { format!("process {}", holder.trim()) } else { "another process".to_owned() };
            return Err(StoreError::Locked(format!(
                "the data folder {} is in use by {holder}",
                folder.display()
            )));
        }
        Err(TryLockError::Error(error)) => return Err(io("can't lock", &error)),
    }
    let note = format!("{}\n", std::process::id());
    let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(note.as_bytes()));
    if let Err(error) = written {
        // The lock is what counts; the number is a courtesy, and a full disk must not stop the start.
        tracing::warn!(%error, "could not write the process number into ukai.lock");
    }
    Ok(FolderLock { file })
}
