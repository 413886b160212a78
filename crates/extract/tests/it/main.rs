//! The crate from outside: prices and pages of a corpus beside the project, and pages of its own.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "helpers of tests: a broken corpus ends them, and the tables are printed"
)]

mod compare;
mod corpus;
mod never;
mod own;
mod pages;
mod prices;
mod schema;
mod substitution;
