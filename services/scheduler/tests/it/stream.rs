//! A gateway's stream: repeats are answered as before and executed once.

use crate::kit::Server;
use crate::kit::gateway::{Gateway, accepted};
use ukai_store::Reads;

#[tokio::test]
async fn a_batch_that_is_sent_twice_at_once_is_executed_once() {
    let server = Server::start().await;
    let mut gateway = Gateway::start(&server).await;
    let task = server.submit("https://shop.test/1").await.unwrap();
    gateway.handed_out(task).await;
    gateway.seq += 1;
    let report = [gateway.failed(task)];
    let (first, second) = tokio::join!(gateway.repeat(false, &report), gateway.repeat(false, &report));
    let first = first.unwrap();
    assert!(accepted(&first));
    assert_eq!(Some(&first), second.as_ref());
    assert_eq!(gateway.repeat(false, &report).await, Some(first));
    assert_eq!(server.store.task(task).await.unwrap().unwrap().runs.len(), 1);
}
