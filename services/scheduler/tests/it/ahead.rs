//! A step that was done while the commit before it was under way: nobody hears of it before both are durable, and where
//! the first fails, it never was.

use crate::kit::gateway::{Gateway, accepted};
use crate::kit::{Server, commits, until};
use futures::future::join;
use ukai_domain::{Code, TaskId};
use ukai_scheduler::SchedulerConfig;
use ukai_store::Reads;

type Answer = Result<TaskId, Code>;

async fn start() -> Server {
    Server::start_with(SchedulerConfig { step_ahead: 1, ..SchedulerConfig::default() }).await
}

/// The answers to two submits, of which the second is stepped while the first one's commit is held. `meanwhile` runs
/// before that goes on.
async fn held(server: &Server, first: &str, second: &str, meanwhile: impl FnOnce()) -> (Answer, Answer) {
    let gate = server.store.gate.write().await;
    let (sent, taken) = (commits(server), server.inputs());
    let gated = async {
        until(|| commits(server) == sent + 1).await;
        let second = server.submit(second);
        let opened = async {
            until(|| server.inputs() == taken + 2).await;
            assert_eq!(
                commits(server),
                sent + 1,
                "a commit was sent before the one in front of it had ended"
            );
            meanwhile();
            drop(gate);
        };
        join(second, opened).await.0
    };
    join(server.submit(first), gated).await
}

#[tokio::test]
async fn both_are_stored_in_their_order() {
    let server = start().await;
    let (first, second) = held(&server, "https://shop.test/1", "https://shop.test/2", || {}).await;
    assert!(first.unwrap() < second.unwrap());
    assert_eq!(server.store.total_counts().await.unwrap().submitted, 2);
    server.events_have_no_gap().await;
}

#[tokio::test]
async fn the_commit_in_front_is_refused() {
    let server = start().await;
    let gateway = Gateway::start(&server).await;
    let (first, second) = held(&server, "https://shop.test/poison", "https://shop.test/2", || {}).await;
    assert_eq!(first, Err(Code::InternalError));
    gateway.handed_out(second.unwrap()).await;
    assert_eq!(server.store.total_counts().await.unwrap().submitted, 1);
    server.events_have_no_gap().await;
}

#[tokio::test]
async fn the_step_ahead_is_the_one_that_is_refused() {
    let server = start().await;
    let (first, second) = held(&server, "https://shop.test/1", "https://shop.test/poison", || {}).await;
    assert!(server.store.task(first.unwrap()).await.unwrap().is_some());
    assert_eq!(second, Err(Code::InternalError));
    assert_eq!(server.store.total_counts().await.unwrap().submitted, 1);
    server.events_have_no_gap().await;
}

#[tokio::test]
async fn there_is_no_room_for_either() {
    let server = start().await;
    let full = || server.set_full(true);
    let answers = held(&server, "https://shop.test/1", "https://shop.test/2", full).await;
    assert_eq!(answers, (Err(Code::StorageFull), Err(Code::StorageFull)));
    server.set_full(false);
    server.submit("https://shop.test/3").await.unwrap();
    assert_eq!(server.store.total_counts().await.unwrap().submitted, 1);
    server.events_have_no_gap().await;
}

#[tokio::test]
async fn a_report_that_is_sent_again_while_its_commit_is_under_way_counts_once() {
    let server = start().await;
    let mut gateway = Gateway::start(&server).await;
    let task = server.submit("https://shop.test/1").await.unwrap();
    gateway.handed_out(task).await;
    let gate = server.store.gate.write().await;
    let sent = commits(&server);
    gateway.seq += 1;
    let report = [gateway.failed(task)];
    let again = async {
        until(|| commits(&server) > sent).await;
        let opened = async {
            // A command behind it shows that the repeat was looked at.
            let next = server.submit("https://shop.test/2");
            join(next, async { drop(gate) }).await.0.unwrap()
        };
        join(gateway.repeat(false, &report), opened).await.0
    };
    let (first, second) = join(gateway.repeat(false, &report), again).await;
    assert!(accepted(first.as_ref().unwrap()));
    assert_eq!(first, second);
    assert_eq!(server.store.task(task).await.unwrap().unwrap().runs.len(), 1);
}
