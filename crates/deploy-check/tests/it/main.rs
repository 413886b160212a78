//! The files that Ukai is deployed with say what they mean, and what they name exists.

mod compose;
mod files;
mod kubernetes;
mod metrics;
mod settings;
