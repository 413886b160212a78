//! Folders that all processes of a user share.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::PathBuf;

/// The folder of this name and user, made where it is missing.
///
/// # Errors
/// It can't be made, or it is somebody else's: their files would be taken for ours.
pub(crate) fn of_this_user(name: &str) -> io::Result<PathBuf> {
    let user = nix::unistd::geteuid();
    let folder = std::env::temp_dir().join(format!("{name}-{user}"));
    match DirBuilder::new().mode(0o755).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let found = fs::symlink_metadata(&folder)?;
    if found.is_dir() && found.uid() == user.as_raw() {
        Ok(folder)
    } else {
        Err(io::Error::other(format!("{} belongs to somebody else", folder.display())))
    }
}
