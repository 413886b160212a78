//! The actions on workers.

pub(crate) mod configure;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod reset;
pub(crate) mod screenshot;
pub(crate) mod show;
