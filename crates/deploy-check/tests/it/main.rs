//! The files that Ukai is deployed with say what they mean, and what they name exists.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that can't read what it checks fails")]

mod alerts;
mod compose;
mod files;
mod kubernetes;
mod metrics;
mod settings;
