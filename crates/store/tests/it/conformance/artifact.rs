//! Rows of artifacts: written once, found by id, task and hash, forgotten by age or with their task.

use super::{Made, commit, lead};
use crate::kit::{World, assert_same};
use std::time::Duration;
use ukai_domain::{ArtifactId, Run, TaskId, WorkerId};
use ukai_store::ArtifactRow;

/// A picture of `task`, the `n`th.
fn picture(world: &World, task: TaskId, n: u8) -> ArtifactRow {
    ArtifactRow {
        id: ArtifactId(uuid::Uuid::from_u128(u128::from(n) + 1)),
        task,
        run: Run(1),
        worker: *world.workers.keys().next().unwrap(),
        kind: "screenshot".to_owned(),
        name: format!("鵜飼 'x'-- {n}.png"),
        content_type: "image/png".to_owned(),
        size: 5_000_000_000,
        sha256: format!("{n:064x}"),
        width: Some(1_366),
        height: Some(8_000),
        thumbnail: Some(format!("{:064x}", 1_000 + u32::from(n))),
        created_at: world.now + Duration::from_secs(u64::from(n)),
    }
}

async fn task(made: &Made, world: &mut World) -> TaskId {
    let job = *world.jobs.keys().next().unwrap();
    let task = world.submit(job, "a.example", 50, None);
    commit(made, world).await;
    task
}

/// As it was; a repeat changes nothing, a task that isn't there gets nothing.
pub(crate) async fn put_once(made: Made) {
    let mut world = lead(&made, 61).await;
    let task = task(&made, &mut world).await;
    let first = picture(&world, task, 1);
    assert!(made.store.put_artifact(first.clone()).await.unwrap());
    let again = ArtifactRow { name: "another".to_owned(), worker: WorkerId::NIL, ..first.clone() };
    assert!(made.store.put_artifact(again).await.unwrap());
    assert_eq!(made.store.artifact(first.id).await.unwrap(), Some(first.clone()));
    let bare = ArtifactRow { width: None, height: None, thumbnail: None, ..picture(&world, task, 2) };
    assert!(made.store.put_artifact(bare.clone()).await.unwrap());
    assert_eq!(made.store.artifact(bare.id).await.unwrap(), Some(bare));
    let nobodys = ArtifactRow { task: TaskId::NIL, ..picture(&world, task, 3) };
    assert!(!made.store.put_artifact(nobodys.clone()).await.unwrap());
    assert_eq!(made.store.artifact(nobodys.id).await.unwrap(), None);
    assert_same(&*made.store, &world).await;
}

/// Each task's own, oldest first.
pub(crate) async fn of_a_task(made: Made) {
    let mut world = lead(&made, 62).await;
    let (one, other) = (task(&made, &mut world).await, task(&made, &mut world).await);
    for (n, of) in [(3, one), (1, one), (2, other)] {
        assert!(made.store.put_artifact(picture(&world, of, n)).await.unwrap());
    }
    let want = [picture(&world, one, 1), picture(&world, one, 3)];
    assert_eq!(made.store.artifacts(one).await.unwrap(), want);
    assert_eq!(made.store.artifacts(other).await.unwrap(), [picture(&world, other, 2)]);
    assert_eq!(made.store.artifacts(TaskId::NIL).await.unwrap(), []);
}

/// By content and by small picture, in any number.
pub(crate) async fn named_hashes(made: Made) {
    let mut world = lead(&made, 63).await;
    let task = task(&made, &mut world).await;
    let row = picture(&world, task, 7);
    assert!(made.store.put_artifact(row.clone()).await.unwrap());
    let (content, small) = (row.sha256, row.thumbnail.unwrap());
    let mut asked: Vec<_> = (100..600).map(|n| format!("{n:064x}")).collect();
    asked.extend([content.clone(), small.clone()]);
    let mut named = made.store.named_artifacts(asked).await.unwrap();
    named.sort();
    assert_eq!(named, [content, small]);
    assert_eq!(made.store.named_artifacts(Vec::new()).await.unwrap(), Vec::<String>::new());
}

/// The oldest go first, as many as one step may.
pub(crate) async fn forgotten_by_age(made: Made) {
    let mut world = lead(&made, 64).await;
    let task = task(&made, &mut world).await;
    for n in 0..10 {
        assert!(made.store.put_artifact(picture(&world, task, n)).await.unwrap());
    }
    let before = world.now + Duration::from_secs(5);
    assert_eq!(made.store.delete_artifacts(before, 3).await.unwrap(), 3);
    assert_eq!(made.store.artifacts(task).await.unwrap()[0], picture(&world, task, 3));
    assert_eq!(made.store.delete_artifacts(before, 100).await.unwrap(), 2);
    assert_eq!(made.store.delete_artifacts(before, 100).await.unwrap(), 0);
    assert_eq!(made.store.artifacts(task).await.unwrap().len(), 5);
}

/// Rows go in the commit that purges their task, and no other's.
pub(crate) async fn purged_with_the_task(made: Made) {
    let mut world = lead(&made, 65).await;
    let worker = *world.workers.keys().next().unwrap();
    let (gone, stays) = (task(&made, &mut world).await, task(&made, &mut world).await);
    for (n, of) in [(1, gone), (2, gone), (3, stays)] {
        assert!(made.store.put_artifact(picture(&world, of, n)).await.unwrap());
    }
    world.hand_out(gone, worker);
    world.complete(gone);
    commit(&made, &mut world).await;
    world.purge(gone);
    commit(&made, &mut world).await;
    assert_eq!(made.store.artifacts(gone).await.unwrap(), []);
    assert_eq!(made.store.artifacts(stays).await.unwrap().len(), 1);
    assert!(!made.store.put_artifact(picture(&world, gone, 4)).await.unwrap());
    assert_same(&*made.store, &world).await;
}
