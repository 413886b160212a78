//! The whole of Ukai from outside: its binary as separate processes, its layout, its documents.

mod command_line;
mod drain;
mod metrics;
mod server;
mod tidy;
