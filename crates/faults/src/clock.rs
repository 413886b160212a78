//! Wall clocks that are wrong: a preloaded library tells a process another time, by a file that may change meanwhile.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian's package `libfaketime` puts it, by machine.
const PLACES: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/local/lib/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
];

/// One process's wall clock. Its monotonic one is right, as on a machine whose time somebody sets.
#[derive(Debug)]
pub(crate) struct WrongClock {
    file: PathBuf,
}

impl WrongClock {
    /// Makes `command` see a time that is so many seconds off.
    ///
    /// # Errors
    /// The library isn't there, or the file can't be written.
    pub(crate) fn wind(command: &mut Command, file: PathBuf, seconds: i64) -> anyhow::Result<Self> {
        let library = PLACES.iter().map(Path::new).find(|path| path.is_file());
        let library = library
            .ok_or_else(|| anyhow::anyhow!("no libfaketime: scripts/packages.sh faketime installs it"))?;
        let clock = Self { file };
        clock.set(seconds)?;
        command
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", &clock.file)
            .env("FAKETIME_CACHE_DURATION", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1");
        Ok(clock)
    }

    /// Steps it: seen within a second.
    ///
    /// # Errors
    /// The file can't be written.
    pub(crate) fn set(&self, seconds: i64) -> std::io::Result<()> {
        // Whole at once: the process may read meanwhile.
        let next = self.file.with_extension("next");
        std::fs::write(&next, format!("{seconds:+}s\n"))?;
        std::fs::rename(next, &self.file)
    }
}
