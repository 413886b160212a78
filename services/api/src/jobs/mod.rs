//! The actions on jobs.

pub(crate) mod control;
pub(crate) mod crawl;
pub(crate) mod create;
pub(crate) mod events;
pub(crate) mod list;
pub(crate) mod show;
