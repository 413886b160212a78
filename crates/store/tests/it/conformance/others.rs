//! Jobs, keys, tokens, and what is forgotten.

use super::{Made, commit, lead};
use crate::kit::assert_same;
use std::time::Duration;
use ukai_domain::scheduler::{IdempotencyKey, IdempotencyRow, Needs};
use ukai_domain::{Timestamp, WorkerId};
use ukai_store::{ApiKeyRow, KeyRole};

/// The balance of everything ever accepted outlives the jobs.
pub(crate) async fn deleted_jobs_stay_in_the_total(made: Made) {
    let mut world = lead(&made, 51).await;
    let job = *world.jobs.keys().next().unwrap();
    let worker = *world.workers.keys().next().unwrap();
    let tasks: Vec<_> = (0..5).map(|_| world.submit(job, "a.example", 50, None)).collect();
    for task in &tasks {
        world.hand_out(*task, worker);
        world.complete(*task);
    }
    commit(&made, &mut world).await;
    for task in tasks {
        world.purge(task);
    }
    world.delete_job(job);
    commit(&made, &mut world).await;
    assert!(made.store.job(job).await.unwrap().is_none());
    assert_eq!((world.total.purged, world.total.items), (5, 10));
    assert_same(&*made.store, &world).await;
    let page = made.store.jobs(1, 1).await.unwrap();
    let newest: Vec<_> = world.jobs.values().rev().collect();
    assert_eq!((page.total, &page.items[0].0), (2, newest[1]));
    assert_eq!(made.store.jobs(0, 50).await.unwrap().items.len(), 2);
}

/// By prefix; replaced by id.
pub(crate) async fn api_keys(made: Made) {
    let key = ApiKeyRow {
        id: uuid::Uuid::from_u128(9),
        name: "admin".to_owned(),
        role: KeyRole::Admin,
        prefix: "uka_abc".to_owned(),
        hash: "ff".to_owned(),
        created_at: Timestamp(5),
        revoked_at: None,
    };
    assert_eq!(made.store.api_key("uka_abc").await.unwrap(), None);
    made.store.put_api_key(key.clone()).await.unwrap();
    assert_eq!(made.store.api_key("uka_abc").await.unwrap(), Some(key.clone()));
    let revoked = ApiKeyRow { revoked_at: Some(Timestamp(9)), role: KeyRole::Viewer, ..key };
    made.store.put_api_key(revoked.clone()).await.unwrap();
    assert_eq!(made.store.api_key("uka_abc").await.unwrap(), Some(revoked));
}

/// As long as the worker exists.
pub(crate) async fn worker_tokens(made: Made) {
    let mut world = lead(&made, 52).await;
    let worker = world.worker("mine");
    commit(&made, &mut world).await;
    let token = made.store.worker_token("ukw_mine").await.unwrap().unwrap();
    assert_eq!((token.worker, token.hash.as_str()), (worker, "hash of mine"));
    assert!(made.store.worker_token("ukw_").await.unwrap().is_none());
    let stranger = WorkerId(uuid::Uuid::from_u128(99));
    let gone = || made.store.gone_workers(vec![worker, stranger]);
    assert_eq!(gone().await.unwrap(), [stranger]);
    world.delete_worker(worker);
    commit(&made, &mut world).await;
    assert!(made.store.worker_token("ukw_mine").await.unwrap().is_none());
    assert_eq!(gone().await.unwrap(), [worker, stranger]);
    assert_same(&*made.store, &world).await;
}

/// Old replies go in steps, young ones stay.
pub(crate) async fn forgetting(made: Made) {
    let mut world = lead(&made, 53).await;
    let day = Duration::from_secs(86_400);
    for n in 0..2_600 {
        let key = IdempotencyKey {
            principal: "p".to_owned(),
            route: "POST /api/jobs".to_owned(),
            key: format!("k{n}"),
            body_hash: "aa".to_owned(),
        };
        let at = if n < 2_500 { Timestamp(world.now.0 - 1) } else { world.now + day };
        world.remember(IdempotencyRow { key, reply: "{}".to_owned(), at });
    }
    let before = world.now;
    commit(&made, &mut world).await;
    made.store.maintain(world.epoch, before).await.unwrap();
    let idempotency = world.replies.iter().map(|r| r.key.clone()).collect();
    let found = made.store.prefetch(Needs { idempotency, ..Needs::default() }).await.unwrap().idempotency;
    assert_eq!(found, world.replies[2_500..]);
    world.replies.drain(..2_500);
    assert_same(&*made.store, &world).await;
}

/// Texts come back byte for byte: all of Unicode that the edge lets through, and large ones.
pub(crate) async fn results_come_back_as_sent(made: Made) {
    let mut world = lead(&made, 54).await;
    let job = *world.jobs.keys().next().unwrap();
    let worker = *world.workers.keys().next().unwrap();
    for text in [
        "{}".to_owned(),
        r#"{"t":"鵜飼 \u0001 🐦 'x'--;"}"#.to_owned(),
        format!(r#"{{"t":"{}"}}"#, "x".repeat(900_000)),
    ] {
        let task = world.submit(job, "a.example", 50, None);
        world.hand_out(task, worker);
        world.complete(task);
        let run = world.runs.get_mut(&task).unwrap().last_mut().unwrap();
        run.result.as_mut().unwrap().result.clone_from(&text);
        let mut commit = world.take().as_ref().clone();
        commit.runs[0].result.as_mut().unwrap().result.clone_from(&text);
        made.store.commit(std::sync::Arc::new(commit)).await.unwrap();
        let row = made.store.task(task).await.unwrap().unwrap();
        assert!(row.result.unwrap().result == text, "{} bytes changed", text.len());
    }
    assert_same(&*made.store, &world).await;
}
