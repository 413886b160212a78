#![doc = include_str!("../README.md")]

mod config;
mod content;
mod digest;
mod error;
mod incoming;
mod picture;
mod store;
mod sweep;

pub use config::{ArtifactConfig, ConfigError};
pub use content::ContentType;
pub use digest::Sha256;
pub use error::ArtifactError;
pub use incoming::{Incoming, Received};
pub use object_store::ObjectStore;
pub use picture::THUMBNAIL_WIDTH;
pub use store::{Artifacts, Content, Kept, Settings};
pub use sweep::{SweepError, Swept};
