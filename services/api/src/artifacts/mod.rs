//! Files that workers bring: taken from who holds the run, shown to who may look, swept when no row names them.

pub(crate) mod download;
pub(crate) mod list;
mod range;
mod sweep;
pub(crate) mod thumbnail;
mod token;
pub(crate) mod upload;
mod wish;

/// The kind of pictures that an operator asked for while the page was open.
pub(crate) const LIVE: &str = "live";
/// Of them of one run, at most, so that there is room for the files that its result names.
pub(crate) const MOST_LIVE: usize = 12;

pub use sweep::sweep_artifacts;
pub(crate) use token::Enrolment;
