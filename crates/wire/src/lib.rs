#![doc = include_str!("../README.md")]

mod error_body;

pub use error_body::{ErrorBody, FieldError};
