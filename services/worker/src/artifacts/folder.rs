//! Files that no server has taken (yet), in the state folder, in bounds.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Files, at most.
const MOST_FILES: usize = 200;
/// Their bytes, at most.
const MOST_BYTES: u64 = 256 << 20;

/// The folder; made with its first file.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    most_files: usize,
    most_bytes: u64,
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

/// A name of letters of the task's id alone, whatever the server sent.
pub(super) fn name(task_id: &str, run: Option<u32>, extension: &str) -> String {
    let safe: String = task_id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(64).collect();
    format!("{safe}-{}.{extension}", run.unwrap_or(0))
}

impl Folder {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, most_files: MOST_FILES, most_bytes: MOST_BYTES }
    }

    /// Files that are there, and their bytes.
    pub(super) fn left(&self) -> (usize, u64) {
        let files = self.files();
        (files.len(), files.iter().map(|(_, _, size)| size).sum())
    }

    /// Writes one file; the oldest others go where there would be too many. Nothing is left of one that finds no room.
    pub(super) fn keep(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        fs::create_dir_all(&self.path)?;
        self.make_room(bytes.len() as u64);
        let path = self.path.join(name);
        if let Err(error) = fs::write(&path, bytes) {
            // What there is of it is of no use.
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        Ok(path.canonicalize().unwrap_or(path))
    }

    fn make_room(&self, wanted: u64) {
        let mut files = self.files();
        files.sort();
        let mut bytes = files.iter().map(|(_, _, size)| size).sum::<u64>().saturating_add(wanted);
        let mut count = files.len() + 1;
        for (_, path, size) in files {
            if count <= self.most_files && bytes <= self.most_bytes {
                return;
            }
            tracing::warn!(file = %path.display(), "a file that no server took is dropped for newer ones");
            // Gone is gone, and one that stays is counted again next time.
            let _ = fs::remove_file(path);
            count -= 1;
            bytes = bytes.saturating_sub(size);
        }
    }

    fn files(&self) -> Vec<(SystemTime, PathBuf, u64)> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        entries.filter_map(|entry| about(&entry.path())).collect()
    }
}

fn about(path: &Path) -> Option<(SystemTime, PathBuf, u64)> {
    let about = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file)?;
    Some((about.modified().unwrap_or(SystemTime::UNIX_EPOCH), path.to_owned(), about.len()))
}

#[cfg(test)]
mod tests {
    use super::{Folder, name};
    use std::time::{Duration, SystemTime};

    #[test]
    fn a_hostile_id_names_no_other_folder() {
        assert_eq!(name("../../etc/x", Some(2), "png"), "etcx-2.png");
        assert_eq!(name("0198c0de-0000", None, "html"), "0198c0de-0000-0.html");
    }

    #[test]
    fn the_oldest_go_first() {
        let state = tempfile::tempdir().unwrap();
        let path = state.path().join("artifacts");
        let folder = Folder { path: path.clone(), most_files: 3, most_bytes: 100 };
        assert_eq!(folder.left(), (0, 0));
        for (n, bytes) in [(1, 10), (2, 10), (3, 10), (4, 10)] {
            let kept = folder.keep(&format!("{n}.png"), &vec![0; bytes]).unwrap();
            let file = std::fs::File::options().append(true).open(kept).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(n)).unwrap();
        }
        let there = |n: u32| path.join(format!("{n}.png")).exists();
        assert_eq!([1, 2, 3, 4].map(there), [false, true, true, true]);
        folder.keep("5.png", &[0; 95]).unwrap();
        assert_eq!([2, 3, 4, 5].map(there), [false, false, false, true], "for its size");
        assert_eq!(folder.left(), (1, 95));
    }
}
