#![doc = include_str!("../README.md")]

pub mod fake_worker;
pub mod nats;
pub mod process;
pub mod proxy;
pub mod shop;
