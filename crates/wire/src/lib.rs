#![doc = include_str!("../README.md")]

mod error_body;
pub mod secret;
pub mod workers;

pub use error_body::{ErrorBody, FieldError};
