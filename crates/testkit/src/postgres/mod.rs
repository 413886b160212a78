//! PostgreSQL for tests: private servers on free loopback ports, and databases on one that all tests of a run share.
//!
//! A server lives as long as somebody uses it: a small shell process beside it waits for the end of its users, however
//! they end, then stops it and removes its folder. Where tests run as root, the server runs as the user `postgres`.

mod binaries;
mod cluster;
mod open_transaction;
mod shared;
mod standby;
mod tablespace;
#[cfg(test)]
mod tests;

pub use cluster::{Cluster, Disk};
pub use open_transaction::OpenTransaction;
pub use shared::{Database, database};
