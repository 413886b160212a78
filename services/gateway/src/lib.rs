#![doc = include_str!("../README.md")]

mod address;
mod admission;
mod announce;
mod auth;
mod batcher;
mod bucket;
mod closing;
mod config;
mod connect;
mod departing;
mod gateway;
mod heartbeats;
mod inbox;
mod lean;
mod metrics;
mod packet;
pub mod process;
mod pushes;
mod reach;
mod received;
mod replies;
mod revocations;
mod session;
mod sessions;
mod shared;
mod stream;
mod turning_away;
mod upgrade;

pub use address::Proxies;
pub use config::{Config, Limits};
pub use gateway::Gateway;

/// The name of this service's part in `/readyz`: ready while the bus reaches it.
pub const HEALTH_PART: &str = "gateway";
