//! The recipes that come with Ukai.

/// File name and text, in the order in which they are tried: sites before shop systems.
pub(super) const FILES: &[(&str, &str)] = &[("amazon.toml", include_str!("../../../../recipes/amazon.toml"))];
