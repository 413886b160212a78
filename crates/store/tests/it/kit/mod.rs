//! What the store tests speak: a model of the world that makes commits, and its comparison with a store.

mod compare;
mod crawl;
mod step;
mod world;

pub(crate) use compare::{assert_same, assert_same_lists, expected_row};
pub(crate) use crawl::page;
use std::time::Duration;
use ukai_store::Store;
pub(crate) use world::{START, World};

/// The lease ends so much from now on.
pub(crate) async fn renew(store: &dyn Store, epoch: u64, lease: Duration) {
    let known = store.leader().await.unwrap().expect("a leader").expires_at;
    store.renew(epoch, known, lease).await.unwrap();
}
