#![doc = include_str!("../README.md")]

mod arguments;
pub mod config;
mod health;
pub mod http;
mod log;
mod machine;
mod process;
mod shutdown;
pub mod trace;

pub use arguments::parse;
pub use health::{Health, routes as health_routes};
pub use log::init as init_log;
pub use machine::machine_name;
pub use process::{EXIT_CODES, Usage, persist, run};
pub use shutdown::Shutdown;

/// Prometheus' registry, shared by a process's services.
pub use prometheus_client::registry::Registry;

/// Installs the one TLS provider of the process. Harmless when called again.
pub fn init_tls() {
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
}
