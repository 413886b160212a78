//! What tests and demonstrations stand on: the sample shop, and workers without a browser.

pub mod fake_worker;
pub mod shop;
