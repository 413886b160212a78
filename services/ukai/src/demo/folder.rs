//! The demo's own folder: made anew each time, and never anything that the demo didn't make.

use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// By this file the demo knows its own folder again.
const MARK: &str = ".ukai-demo";

/// A folder of the demo's own.
#[derive(Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Empties what an earlier demo left. Errors: a folder that holds something else.
    pub(crate) fn make(path: &Path) -> Result<Self, Failure> {
        if path.exists() {
            let empty = path.is_dir() && std::fs::read_dir(path)?.next().is_none();
            if !empty && !path.join(MARK).is_file() {
                return Err(Failure::usage(format!(
                    "{} holds something that the demo didn't make; name another folder with --dir",
                    path.display()
                )));
            }
            std::fs::remove_dir_all(path)?;
        }
        std::fs::create_dir_all(path)?;
        std::fs::write(path.join(MARK), "made by ukai demo, which empties this folder when it runs again\n")?;
        Ok(Self(path.to_owned()))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Folder;

    #[test]
    fn never_empties_a_folder_of_others() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("demo");
        Folder::make(&path).unwrap();
        std::fs::write(path.join("records.json"), "[]").unwrap();
        Folder::make(&path).unwrap();
        assert!(!path.join("records.json").exists());

        let others = parent.path().join("others");
        std::fs::create_dir(&others).unwrap();
        std::fs::write(others.join("thesis.txt"), "x").unwrap();
        assert!(Folder::make(&others).unwrap_err().message().contains("--dir"));
        assert!(others.join("thesis.txt").exists());
    }
}
