#![doc = include_str!("../README.md")]

pub mod fake_worker;
pub mod proxy;
pub mod nats;
pub mod shop;
