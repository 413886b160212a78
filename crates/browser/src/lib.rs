#![doc = include_str!("../README.md")]

mod browser;
mod config;
mod content;
mod error;
mod executable;
mod fetch;
mod identity;
mod instance;
mod memory;
mod peephole;
mod prepared;
mod process;
mod profile;
mod seen;
mod steps;
mod watch;

pub use browser::Browser;
pub use config::{Config, LiveView, PageOutcome, PageRequest, PictureFormat, Screenshot, Vitals};
pub use error::{ErrorKind, LaunchError, PageError};
pub use executable::find as find_executable;
pub use peephole::Peephole;
pub use steps::{Step, Steps};
pub use ukai_egress::{Network, Upstream, is_public};
