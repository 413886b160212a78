//! The store on PostgreSQL 15 and newer, for many processes: one schema, `ukai`, in one database.
//!
//! The leader writes on a few connections of its own and renews its lease on another; everybody else only reads. What
//! the two sides of the seam share is the model, not the SQL: here a commit is a handful of statements over arrays,
//! all sent at once.

mod address;
mod bystander;
mod columns;
mod commit;
mod connect;
mod failure;
mod leader;
mod load;
mod maintain;
mod migrate;
mod place;
#[cfg(test)]
mod plans;
mod pool;
mod prefetch;
mod read;
mod session;
mod store;
mod tls;

pub use bystander::Bystander;
pub use connect::{Options, PostgresReads, PostgresStore};
pub use migrate::{Migrated, migrate, texts};
