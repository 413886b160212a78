#![doc = include_str!("../README.md")]

mod cli;
mod client;
mod commands;
mod exit;
mod output;
mod processes;
pub mod up;

pub use cli::{Cli, run};
