//! Who asks and what they may do.

mod authenticator;
mod guard;
mod principal;

pub use authenticator::AuthMode;
pub(crate) use authenticator::Authenticator;
pub(crate) use guard::{Guard, guard};
pub(crate) use principal::Principal;
pub use principal::implicit_job;
