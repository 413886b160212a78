//! A scheduler on a real store in a folder of its own, a bus in memory, and a gateway that the tests play.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by a panic")]

mod ahead;
mod announcements;
mod artifacts;
mod bus_away;
mod commands;
mod full;
mod kit;
mod leaders;
mod log;
mod over_nats;
mod poison;
mod stall;
mod stream;
