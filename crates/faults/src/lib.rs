#![doc = include_str!("../README.md")]

mod check;
mod clock;
pub mod command;
mod crew;
mod fleet;
mod hand;
mod laptop;
mod load;
pub mod report;
mod rows;
mod service;
mod single;
mod world;

pub use rows::{Measure, Row, row, rows};
pub use world::{Size, Trial};
