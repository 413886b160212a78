//! A scheduler and a store in memory, just enough to be asked by the router.

mod reads;
mod scheduler;
mod world;

pub(crate) use reads::FakeReads;
pub(crate) use scheduler::{FakeScheduler, captcha};
pub(crate) use world::{NOW, Shared, World};
