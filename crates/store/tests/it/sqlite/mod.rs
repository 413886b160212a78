//! SQLite: the conformance suite, and the faults of one machine.

mod folder;
mod full;
mod kill;
mod log;

use crate::conformance::{Made, conformance};
use ukai_store::sqlite::SqliteStore;

async fn make() -> Made {
    let folder = tempfile::tempdir().expect("a folder");
    let store = SqliteStore::open(folder.path()).expect("a store");
    Made { store, guard: Box::new(folder) }
}

conformance!(make);
