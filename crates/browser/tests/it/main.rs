//! A real Chromium against a page server on loopback.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking, and its parts see each other"
)]

mod certificates;
mod custody;
mod guard;
mod hostile;
mod pages;
mod process;
mod server;
