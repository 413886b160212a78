//! No room: commands are refused, reports wait, and nothing that was not stored is believed.

use crate::kit::Server;
use crate::kit::gateway::{Gateway, accepted};
use std::time::Duration;
use ukai_domain::{Code, Run};
use ukai_store::Reads;

#[tokio::test]
async fn a_full_store_refuses_commands_and_leaves_reports_to_their_gateway() {
    let server = Server::start().await;
    let mut gateway = Gateway::start(&server).await;
    let task = server.submit("https://shop.test/1").await.unwrap();
    gateway.handed_out(task).await;
    server.set_full(true);
    assert_eq!(server.submit("https://shop.test/2").await, Err(Code::StorageFull));
    // The announcement after the reload found no room either: the gateway has to make its own.
    let report = [gateway.failed(task)];
    assert!(gateway.send(false, &report).await.unwrap().announce_first);
    // That finds no room, so it gets no answer.
    let held = Some(vec![(task, Run(1))]);
    gateway.patience = Duration::from_secs(1);
    assert_eq!(gateway.try_announce(held.clone()).await, None);
    gateway.patience = Duration::from_secs(10);
    server.set_full(false);
    gateway.announce(held).await;
    assert!(accepted(&gateway.send(false, &report).await.unwrap()));
    let next = server.submit("https://shop.test/3").await.unwrap();
    assert_eq!(gateway.handed_out(next).await, Run(1));
    assert_eq!(server.store.task(task).await.unwrap().unwrap().runs.len(), 1);
    server.events_have_no_gap().await;
}
