//! The store's tests: what every store must do, and what SQLite and PostgreSQL must bear.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod conformance;
mod kit;
mod postgres;
mod sqlite;
