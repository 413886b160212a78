//! The whole of Ukai from outside: its binary as separate processes, its layout, its documents.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the functions around tests fail as tests do: at once, with the place"
)]

mod artifacts;
mod command_line;
mod crawl;
mod drain;
mod metrics;
mod processes;
mod seams;
mod server;
mod tidy;
mod traces;
mod whole;
