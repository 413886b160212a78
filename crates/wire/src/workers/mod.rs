//! The dialect `workers`: what workers and server say to each other on the Socket.IO namespace `/workers`.

mod atoms;
mod auth;
mod bounds;
mod invalid;
mod received;
mod sent;
mod shape;

#[cfg(test)]
mod tests;

pub use auth::{ConnectAuth, MAX_CAPACITY};
pub use bounds::{MAX_DEPTH, MAX_KEYS, MAX_PAYLOAD, MAX_STRING};
pub use invalid::Invalid;
pub use received::{Received, parse, split};
pub use sent::{Ack, ConfigUpdate, RegisteredConfig, TaskAssigned, TaskCancelled, WorkerRegistered, event};
