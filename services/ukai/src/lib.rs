#![doc = include_str!("../README.md")]

mod bench;
mod cli;
mod client;
mod commands;
mod demo;
mod exit;
mod files;
mod output;
mod processes;
pub mod up;

pub use cli::{Cli, run};
