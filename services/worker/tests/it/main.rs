//! The worker against a Socket.IO server in this process: with pages from a fake, and once with a real browser.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    unreachable_pub,
    reason = "a test fails by panicking, and its parts see each other"
)]

mod artifacts;
mod browser;
mod contract;
mod delivery;
mod endurance;
mod files;
mod metrics;
mod pages;
mod program;
mod server;
mod sleeping;
mod steering;
#[cfg(target_os = "linux")]
mod window;
mod worker;
