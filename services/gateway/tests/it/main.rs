//! The gateway between a fake leader on the in-process bus and real sockets on a loopback port.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::large_futures,
    clippy::cast_precision_loss,
    reason = "a test fails by panicking, and its futures may be large"
)]

mod auth;
mod cut;
mod departing;
mod events;
mod floods;
mod hostile;
mod kit;
mod polling;
mod pushes;
mod registration;
mod stream;
mod upgrade;
