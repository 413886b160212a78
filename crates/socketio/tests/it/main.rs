//! The client against a real Socket.IO server in this process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking, and its parts see each other"
)]

mod client;
mod connection;
mod faults;
mod server;
