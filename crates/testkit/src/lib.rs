//! ukai-testkit

pub mod shop;
