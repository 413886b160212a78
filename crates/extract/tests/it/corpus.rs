//! Where the corpus of saved pages lies; it is not part of the project.

use std::path::PathBuf;

/// The corpus folder, or `None` with a word on the terminal where there is none.
pub fn folder() -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let found = [root.join("../shared/pages"), root.join("shared/pages")].into_iter().find(|path| path.join("truth.json").is_file());
    if found.is_none() {
        println!("skipped: no corpus");
    }
    found
}
