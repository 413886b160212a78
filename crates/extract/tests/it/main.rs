//! The crate from outside: prices and pages of a corpus beside the project, and pages of its own.

mod compare;
mod corpus;
mod never;
mod own;
mod pages;
mod prices;
mod substitution;
