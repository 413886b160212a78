//! Reads of the api and the gateway, one group a file.

pub(super) mod artifact;
pub(super) mod event;
pub(super) mod job;
pub(super) mod key;
pub(super) mod list;
pub(super) mod run;
pub(super) mod task;
pub(super) mod worker;
