//! The SQLite side of the store.
