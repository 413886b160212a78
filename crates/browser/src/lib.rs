#![doc = include_str!("../README.md")]

mod browser;
mod config;
mod content;
mod egress;
mod error;
mod executable;
mod fetch;
mod instance;
mod process;
mod profile;
mod seen;
mod watch;

pub use browser::Browser;
pub use config::{Config, PageOutcome, PageRequest, Screenshot};
pub use egress::is_public;
pub use error::{ErrorKind, LaunchError, PageError};
pub use executable::find as find_executable;
