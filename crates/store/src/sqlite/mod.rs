//! The store on one machine: a folder with one SQLite file, one thread that writes, a few that read.
//!
//! The scheduler's reads run on the writer's connection as well: its page cache is never thrown away, for
//! nobody else writes, and nothing may be written between a prefetch and the step that uses it anyway.

mod checkpoint;
mod columns;
mod commit;
mod failure;
mod folder;
mod leader;
mod load;
mod maintain;
mod migrate;
mod open;
mod place;
#[cfg(test)]
mod plans;
mod prefetch;
mod read;
mod readers;
mod store;
mod writer;

pub use open::{Options, SqliteStore};
