//! The router in process, over a scheduler and a store that live in memory.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod arbitrary;
mod artifacts;
mod bad_requests;
mod document;
mod fake;
mod idempotency;
mod jobs;
mod kit;
mod operations;
mod roles;
mod tasks;
mod workers;
