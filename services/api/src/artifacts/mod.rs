//! Files that workers bring: taken from who holds the run, shown to who may look, swept when no row names them.

pub(crate) mod download;
pub(crate) mod list;
mod range;
mod sweep;
pub(crate) mod thumbnail;
mod token;
pub(crate) mod upload;
mod wish;

pub use sweep::sweep_artifacts;
pub(crate) use token::Enrolment;
