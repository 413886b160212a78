//! A tolerant HTML tree that borrows from its input, with CSS selectors: what every layer reads.
//!
//! Written for extraction, not for rendering: nodes lie in document order in one vector, so a subtree is a
//! range and nothing recurses. Depth, node count and input size are bounded as a browser bounds them.

mod builder;
mod entities;
mod matching;
mod selector;
mod text;
mod tokens;
mod tree;

pub(crate) use entities::decode;
pub(crate) use selector::Selector;
pub(crate) use text::{collapse, visible_text};
pub(crate) use tree::{Document, NodeId};

#[cfg(test)]
mod tests;
