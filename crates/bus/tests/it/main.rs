//! What a bus promises, asked of each of them; and what NATS alone can do: go away and come back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod conformance;
mod metrics;
mod outages;
mod permissions;
mod refusals;
mod world;
