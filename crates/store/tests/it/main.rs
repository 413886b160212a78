//! The store's tests: what every store must do, and what SQLite must bear.

mod conformance;
mod kit;
mod sqlite;
