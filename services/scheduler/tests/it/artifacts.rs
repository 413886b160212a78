//! Rows of artifacts: written for who holds the run, while it does.

use crate::kit::gateway::{Gateway, accepted};
use crate::kit::{Server, soon};
use std::time::Duration;
use ukai_domain::{ArtifactId, Code, TaskId, WorkerId};
use ukai_rpc::v1;
use ukai_scheduler::SchedulerConfig;
use ukai_store::Reads;

fn run(task: TaskId, run: u32, worker: WorkerId) -> v1::RunRequest {
    let (task, worker) = (task.as_bytes().to_vec(), worker.as_bytes().to_vec());
    v1::RunRequest { task, run, worker, enrolled: true }
}

async fn put(server: &Server, id: u128, run: v1::RunRequest) -> Result<(), Code> {
    let request = v1::PutArtifactRequest {
        run: Some(run),
        id: uuid::Uuid::from_u128(id).as_bytes().to_vec(),
        kind: "html".to_owned(),
        name: "page.html".to_owned(),
        content_type: "text/html; charset=utf-8".to_owned(),
        size: 9,
        sha256: "0".repeat(64),
        width: None,
        height: None,
        thumbnail: None,
        created_at: 1_000,
    };
    let reply = server.client.clone().put_artifact(request).await;
    reply.map(|_| ()).map_err(|status| ukai_rpc::rejection_from_status(&status).code)
}

#[tokio::test]
async fn only_who_holds_the_run_brings_files_of_it() {
    let server = Server::start().await;
    let mut gateway = Gateway::start(&server).await;
    let task = server.submit("https://shop.test/1").await.unwrap();
    gateway.handed_out(task).await;
    let worker = gateway.worker.unwrap();
    let mut client = server.client.clone();
    client.check_run(run(task, 1, worker)).await.unwrap();
    assert_eq!(put(&server, 1, run(task, 1, worker)).await, Ok(()));
    assert_eq!(put(&server, 1, run(task, 1, worker)).await, Ok(()), "the same again");
    for (number, by, want) in
        [(2, worker, Code::Conflict), (1, WorkerId(uuid::Uuid::from_u128(7)), Code::Forbidden)]
    {
        assert_eq!(put(&server, 2, run(task, number, by)).await, Err(want));
        let refused = client.check_run(run(task, number, by)).await.unwrap_err();
        assert_eq!(ukai_rpc::rejection_from_status(&refused).code, want);
    }
    server.set_full(true);
    assert_eq!(put(&server, 3, run(task, 1, worker)).await, Err(Code::StorageFull));
    server.set_full(false);
    assert_eq!(put(&server, 3, run(task, 1, worker)).await, Ok(()));
    assert!(accepted(&gateway.send(false, &[gateway.failed(task)]).await.unwrap()));
    assert_eq!(put(&server, 4, run(task, 1, worker)).await, Err(Code::Conflict));
    let rows = server.store.artifacts(task).await.unwrap();
    assert_eq!(rows.len(), 2);
    let known = server.store.artifact(ArtifactId(uuid::Uuid::from_u128(1))).await.unwrap().unwrap();
    assert_eq!((known.worker, known.name.as_str(), known.created_at.0), (worker, "page.html", 1_000));
}

#[tokio::test]
async fn old_artifacts_are_forgotten() {
    let server = Server::start_with(SchedulerConfig {
        maintain_every: Duration::from_millis(20),
        artifacts_kept: Some(Duration::from_secs(86_400)),
        ..SchedulerConfig::default()
    })
    .await;
    let gateway = Gateway::start(&server).await;
    let task = server.submit("https://shop.test/1").await.unwrap();
    gateway.handed_out(task).await;
    // It says that it came in 1970.
    assert_eq!(put(&server, 1, run(task, 1, gateway.worker.unwrap())).await, Ok(()));
    soon(async {
        while !server.store.artifacts(task).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}
