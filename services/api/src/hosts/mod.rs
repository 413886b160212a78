//! The actions on hosts.

pub(crate) mod set;
pub(crate) mod show;
