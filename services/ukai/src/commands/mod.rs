//! One file a command.

pub(crate) mod bench;
pub(crate) mod bench_workers;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod extract;
pub(crate) mod host;
pub(crate) mod job;
pub(crate) mod migrate;
pub(crate) mod sample_shop;
pub(crate) mod scrape;
pub(crate) mod tail;
pub(crate) mod task;
pub(crate) mod task_add;
pub(crate) mod up;
pub(crate) mod worker;
pub(crate) mod worker_token;
