//! The data folder: one process at a time, and only files of this program.

use crate::conformance::LEASE;
use ukai_store::sqlite::SqliteStore;
use ukai_store::{Reads, Store, StoreError};

#[tokio::test]
async fn a_second_opening_says_who_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let Err(StoreError::Locked(text)) = SqliteStore::open(folder.path()) else { panic!("opened twice") };
    assert!(text.contains(&std::process::id().to_string()), "{text}");
    assert!(text.contains(&*folder.path().to_string_lossy()), "{text}");
    drop(store);
    SqliteStore::open(folder.path()).expect("given free by the drop");
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let deeper = folder.path().join("not/yet/there");
    let store = SqliteStore::open(&deeper).unwrap();
    let epoch = store.take_over("", LEASE).await.unwrap().unwrap().epoch;
    drop(store);
    let store = SqliteStore::open(&deeper).unwrap();
    assert_eq!(store.leader().await.unwrap().unwrap().epoch, epoch);
    drop(store);
    assert!(!deeper.join("ukai.db-wal").exists(), "a clean end leaves one file");
}

#[test]
fn a_file_of_somebody_else_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ukai.db");
    let content = "this is no database at all, but it is long enough to be taken for one".repeat(100);
    std::fs::write(&file, &content).unwrap();
    let Err(StoreError::Damaged(text)) = SqliteStore::open(folder.path()) else { panic!("opened") };
    assert!(text.contains("ukai.db"), "{text}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), content);
    std::fs::remove_file(&file).unwrap();
    let foreign = rusqlite::Connection::open(&file).unwrap();
    foreign.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(foreign);
    assert!(matches!(SqliteStore::open(folder.path()), Err(StoreError::Damaged(_))));
}

#[test]
fn a_file_of_a_newer_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(folder.path()).unwrap());
    let raw = rusqlite::Connection::open(folder.path().join("ukai.db")).unwrap();
    raw.pragma_update(None, "user_version", 99).unwrap();
    drop(raw);
    let Err(StoreError::Damaged(text)) = SqliteStore::open(folder.path()) else { panic!("opened") };
    assert!(text.contains("99"), "{text}");
}

#[tokio::test]
async fn a_damaged_page_is_an_error_and_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let epoch = store.take_over("", LEASE).await.unwrap().unwrap().epoch;
    drop(store);
    let file = folder.path().join("ukai.db");
    let mut bytes = std::fs::read(&file).unwrap();
    for byte in bytes.iter_mut().skip(4096) {
        *byte ^= 0x5a;
    }
    std::fs::write(&file, bytes).unwrap();
    match SqliteStore::open(folder.path()) {
        Err(StoreError::Damaged(_)) => {}
        Err(other) => panic!("{other}"),
        Ok(store) => assert!(matches!(store.load(epoch, 10).await, Err(StoreError::Damaged(_)))),
    }
}
