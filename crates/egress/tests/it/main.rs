//! The guard against the tricks that are known, first as text, then over its sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking, and its parts see each other"
)]

mod arbitrary;
mod proxy;
mod tricks;
mod world;
