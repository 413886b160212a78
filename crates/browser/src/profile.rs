//! Profile folders: one a process, owned by the account that Chromium runs as, removed with it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::kill,
    unistd::{Gid, Pid, Uid, User, chown, geteuid},
};
use tempfile::TempDir;

use crate::{Config, LaunchError};

const PREFIX: &str = "ukai-profile-";

/// The account that Chromium runs as, where it is another than ours.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Account {
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
}

/// The account to switch to; `None` where this process is not root.
pub(crate) fn account(config: &Config) -> Result<Option<Account>, LaunchError> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    let unusable = || LaunchError::User(config.user.clone());
    let user = User::from_name(&config.user).ok().flatten().ok_or_else(unusable)?;
    if user.uid.is_root() && !config.accept_no_sandbox {
        return Err(unusable());
    }
    Ok((!user.uid.is_root()).then_some(Account { uid: user.uid, gid: user.gid }))
}

/// A process's profile folder.
#[derive(Debug)]
pub(crate) enum Folder {
    /// Removed with the process.
    Fresh(TempDir),
    /// The owner's, kept.
    Kept(PathBuf),
}

impl Folder {
    pub(crate) fn path(&self) -> &Path {
        match self {
            Self::Fresh(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }

    /// Removes what is not to be kept, after the process has ended. Its helpers may still have written while the first
    /// removal ran.
    pub(crate) fn remove(&self) {
        let Self::Fresh(folder) = self else { return };
        let patience = Instant::now() + Duration::from_secs(2);
        while folder.path().exists()
            && fs::remove_dir_all(folder.path()).is_err()
            && Instant::now() < patience
        {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Makes sure that the owner's profile folder is there and may be written by the account.
pub(crate) fn keep(path: &Path, account: Option<Account>) -> Result<Folder, LaunchError> {
    let made = || -> io::Result<Folder> {
        fs::create_dir_all(path)?;
        if let Some(account) = account {
            chown(path, Some(account.uid), Some(account.gid))?;
        }
        // The mark of a process that was killed; its number may be another's by now.
        for mark in ["SingletonLock", "SingletonSocket", "SingletonCookie"] {
            let _ = fs::remove_file(path.join(mark));
        }
        Ok(Folder::Kept(path.to_owned()))
    };
    made().map_err(|error| LaunchError::Io("the profile folder can't be used", error))
}

/// Makes an empty profile folder, named after this process so that a later one can tell it is abandoned.
pub(crate) fn create(base: &Path, account: Option<Account>) -> Result<Folder, LaunchError> {
    let made = || -> io::Result<Folder> {
        let folder =
            tempfile::Builder::new().prefix(&format!("{PREFIX}{}-", std::process::id())).tempdir_in(base)?;
        if let Some(account) = account {
            chown(folder.path(), Some(account.uid), Some(account.gid))?;
        }
        Ok(Folder::Fresh(folder))
    };
    made().map_err(|error| LaunchError::Io("the profile folder can't be made", error))
}

/// Where the folders are made.
pub(crate) fn base(config: &Config) -> PathBuf {
    config.profiles.clone().unwrap_or_else(std::env::temp_dir)
}

/// Removes the folders of processes that are gone; returns how many.
pub(crate) fn sweep(base: &Path) -> usize {
    let Ok(entries) = fs::read_dir(base) else { return 0 };
    let abandoned = entries.flatten().filter(|entry| {
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next()?.parse::<i32>().ok());
        owner.is_some_and(|owner| kill(Pid::from_raw(owner), None) == Err(nix::errno::Errno::ESRCH))
    });
    abandoned.filter(|entry| fs::remove_dir_all(entry.path()).is_ok()).count()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{PREFIX, create, sweep};

    #[test]
    fn sweeps_only_what_dead_processes_left() {
        let base = tempfile::tempdir().unwrap();
        let mine = create(base.path(), None).unwrap();
        // Above the kernel's largest process id, so it never lives.
        let dead = base.path().join(format!("{PREFIX}{}-x", i32::MAX));
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join("file"), "x").unwrap();
        let foreign = base.path().join("something-else");
        fs::create_dir(&foreign).unwrap();
        assert_eq!(sweep(base.path()), 1);
        assert!(mine.path().exists() && foreign.exists() && !dead.exists());
    }
}
