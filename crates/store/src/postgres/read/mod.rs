//! Reads of the api and the gateway, one group a file.

#[cfg(test)]
mod aged;
pub(super) mod artifact;
pub(super) mod event;
pub(super) mod job;
pub(super) mod key;
pub(super) mod list;
mod pending;
pub(super) mod run;
pub(super) mod task;
pub(super) mod worker;
