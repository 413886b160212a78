#![doc = include_str!("../README.md")]

mod artifacts;
mod auth;
mod cors;
mod error;
mod events;
mod extract;
mod hosts;
mod jobs;
mod metrics;
mod model;
pub mod openapi;
pub mod process;
mod queue;
mod router;
mod scheduler;
mod state;
mod tasks;
mod traced;
mod workers;

pub use artifacts::sweep_artifacts;
pub use auth::{AuthMode, implicit_job};
pub use cors::cors;
pub use metrics::ApiMetrics;
pub use router::router;
pub use state::{ApiState, Clock, Limits};
pub use ukai_wire::secret;
