#![doc = include_str!("../README.md")]

mod address;
mod dial;
mod forward;
mod network;
mod policy;
mod proxy;
mod trouble;
mod upstream;

pub use address::{is_public, special};
pub use network::{Network, System};
pub use policy::{Policy, Refusal, Target};
pub use proxy::{Proxy, Settings};
pub use trouble::Trouble;
pub use upstream::Upstream;
