//! What the store tests speak: a model of the world that makes commits, and its comparison with a store.

mod compare;
mod crawl;
mod step;
mod world;

pub(crate) use compare::{assert_same, assert_same_lists, expected_row};
pub(crate) use crawl::page;
pub(crate) use world::{START, World};
