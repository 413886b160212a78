//! The services as separate processes on a real PostgreSQL and a real NATS.

mod drain;
mod fleet;
mod leaders;
mod traces;
mod usage;

pub(crate) use fleet::database;
