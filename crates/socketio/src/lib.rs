#![doc = include_str!("../README.md")]

mod ack;
mod backoff;
mod client;
mod connection;
mod driver;
mod error;
mod event;
mod frame;
mod packet;
mod target;

pub use backoff::Backoff;
pub use client::{Client, ClientEvent, Settings};
pub use connection::{Connection, Incoming};
pub use error::{ConnectError, Disconnect, EmitError};
pub use event::{Ack, Event};
pub use target::{Limits, Target};
