//! A task's way: submitted, handed out, reported, in the store.

use crate::kit::Server;
use crate::kit::gateway::{Gateway, accepted};
use ukai_domain::Run;
use ukai_store::Reads;

#[tokio::test]
async fn a_submitted_task_is_handed_out_and_its_report_is_stored() {
    let server = Server::start().await;
    let mut gateway = Gateway::start(&server).await;
    let task = server.submit("https://shop.test/1").await.unwrap();
    assert_eq!(gateway.handed_out(task).await, Run(1));
    let report = gateway.failed(task);
    assert!(accepted(&gateway.send(false, &[report]).await.unwrap()));
    let row = server.store.task(task).await.unwrap().unwrap();
    assert_eq!(row.runs.len(), 1);
    assert_eq!(server.store.total_counts().await.unwrap().submitted, 1);
}
