//! The store's tests: what every store must do, and what SQLite must bear.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod conformance;
mod kit;
mod sqlite;
