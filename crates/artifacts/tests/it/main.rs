//! The store on a folder, on a full disk, and on a bucket whose server checks every signature.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test fails by a panic"
)]

mod bucket;
mod folder;
mod full;
mod kit;
mod sweep;
