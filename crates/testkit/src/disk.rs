//! A real file system that is soon full.

use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A mounted file system of a fixed size; it goes with this.
#[derive(Debug)]
pub struct SmallDisk {
    folder: tempfile::TempDir,
}

impl SmallDisk {
    /// Mounts one of so many bytes. Only root may.
    ///
    /// # Errors
    /// This user may not mount.
    pub fn make(bytes: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={bytes},mode=0777"), "tmpfs"]).arg(folder.path());
        if mount.stderr(Stdio::null()).status()?.success() {
            Ok(Self { folder })
        } else {
            Err(Error::from(std::io::ErrorKind::PermissionDenied))
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Fills it to the last byte.
    ///
    /// # Errors
    /// Other than that it is full.
    pub fn fill(&self) -> Result<()> {
        let mut block = 1 << 16;
        let mut file = std::fs::File::create(self.filler())?;
        while block > 0 {
            match std::io::Write::write_all(&mut file, &vec![1; block]) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::StorageFull => block /= 2,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// There is room again.
    ///
    /// # Errors
    /// It wasn't filled.
    pub fn free(&self) -> Result<()> {
        std::fs::remove_file(self.filler())
    }

    fn filler(&self) -> PathBuf {
        self.path().join("filler")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Files that are still open keep it until they are closed.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
