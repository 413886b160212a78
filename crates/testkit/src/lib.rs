#![doc = include_str!("../README.md")]

pub mod collector;
pub mod disk;
pub mod fake_worker;
mod folder;
pub mod nats;
pub mod nats_middle;
pub mod ports;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod screen;
pub mod shop;
pub mod switch;
