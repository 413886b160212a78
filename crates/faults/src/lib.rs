#![doc = include_str!("../README.md")]

mod check;
pub mod command;
mod crew;
mod fleet;
mod load;
pub mod report;
mod rows;
mod world;

pub use rows::{Measure, Row, row, rows};
