#![doc = include_str!("../README.md")]

mod health;
mod log;
mod shutdown;

pub use health::{Health, routes as health_routes};
pub use log::init as init_log;
pub use shutdown::Shutdown;

/// Prometheus' registry, shared by a process's services.
pub use prometheus_client::registry::Registry;

/// Installs the one TLS provider of the process. Harmless when called again.
pub fn init_tls() {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
}
