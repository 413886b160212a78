//! SQLite: the conformance suite, and the faults of one machine.

mod folder;
mod full;
mod kill;
mod log;

use crate::conformance::{Made, conformance};
use ukai_store::sqlite::{Options, SqliteStore};

async fn make() -> Made {
    let folder = tempfile::tempdir().expect("a folder");
    // Small worlds must reach what large ones do.
    let options = Options { run_tail: 20, event_tail: 20, checkpoint_frames: 200, ..Options::default() };
    let store = SqliteStore::open_with(folder.path(), &options).expect("a store");
    Made { store, guard: Box::new(folder) }
}

conformance!(make);
