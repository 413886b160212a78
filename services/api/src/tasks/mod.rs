//! The actions on tasks.

pub(crate) mod batch;
pub(crate) mod cancel;
pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod retry;
mod screenshot;
pub(crate) mod show;
mod submission;
mod submit;
mod target;
pub(crate) mod why;
