//! The shop's pages, one file a kind. Each is a pure function from an item to markup.

mod amazon;
mod frame;
mod hostile;
mod listing;
mod obstacle;
mod picture;
mod product;

pub(super) use amazon::amazon;
pub(super) use frame::CSS;
pub(super) use hostile::{dialog, huge, spin};
pub(super) use listing::listing;
pub(super) use obstacle::{blocked, captcha, login, missing, throttled};
pub(super) use picture::picture;
pub(super) use product::{jsonld, note, scripted};
