//! The scheduler core from outside: rules as properties, and the simulation.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by a panic"
)]

mod fairness;
mod kit;
mod rules;
mod simulation;
