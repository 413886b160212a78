//! Who may write, and that nothing is written twice.

use super::{LEASE, Made, commit, lead};
use crate::kit::assert_same;
use std::time::Duration;
use ukai_domain::Timestamp;
use ukai_store::{Applied, CommitError, LeaderRow};

fn is_deposed<T: std::fmt::Debug>(result: Result<T, CommitError>) -> bool {
    matches!(result, Err(CommitError::Deposed { .. }))
}

/// Another epoch: nothing of the old leader is written any more.
pub(crate) async fn deposed(made: Made) {
    let mut world = lead(&made, 1).await;
    made.store.release(world.epoch).await.unwrap();
    let next = made.store.take_over("two", LEASE).await.unwrap().expect("given up");
    assert_eq!(next.epoch, world.epoch + 1);
    assert_eq!(next.address, "two");
    let before = world.clone();
    world.random(20);
    assert!(is_deposed(made.store.commit(world.take()).await));
    assert!(is_deposed(made.store.renew(world.epoch, Timestamp(0), LEASE).await));
    assert!(is_deposed(made.store.check_epoch(world.epoch).await));
    assert!(is_deposed(made.store.maintain(world.epoch, world.now).await));
    assert!(is_deposed(made.store.forget_events(world.epoch, world.now).await));
    assert!(made.store.load(world.epoch, 1).await.is_err());
    made.store.release(world.epoch).await.expect("harmless");
    let mut after = before;
    after.epoch = next.epoch;
    assert_same(&*made.store, &after).await;
    assert_eq!(made.store.leader().await.unwrap().unwrap().epoch, next.epoch);
}

/// The reply of a commit was lost: the same again is written once.
pub(crate) async fn resend_is_applied_once(made: Made) {
    let mut world = lead(&made, 2).await;
    world.random(30);
    let first = world.take();
    assert_eq!(made.store.commit(first.clone()).await.unwrap(), Applied::Now);
    assert_eq!(made.store.commit(first.clone()).await.unwrap(), Applied::Before);
    world.random(30);
    commit(&made, &mut world).await;
    assert_eq!(made.store.commit(first).await.unwrap(), Applied::Before);
    assert_same(&*made.store, &world).await;
    assert_eq!(made.store.last_commit().await.unwrap().map(|c| c.n), Some(world.n));
}

/// The numbers of commits begin again in each epoch; a resend from an older one is deposed, not «before».
pub(crate) async fn epochs(made: Made) {
    let mut world = lead(&made, 3).await;
    world.random(10);
    let old = world.take();
    made.store.commit(old.clone()).await.unwrap();
    made.store.release(world.epoch).await.unwrap();
    world.epoch = made.store.take_over("two", LEASE).await.unwrap().unwrap().epoch;
    world.n = 0;
    assert!(is_deposed(made.store.commit(old).await));
    for _ in 0..3 {
        world.random(10);
        commit(&made, &mut world).await;
    }
    assert_same(&*made.store, &world).await;
    let last = made.store.last_commit().await.unwrap().unwrap();
    assert_eq!((last.epoch, last.n), (world.epoch, 3));
}

/// The row was written and then read: a moment may lie between.
fn ends_in(row: &LeaderRow, lease: Duration) -> bool {
    let left = row.expires_at.since(row.now);
    left <= lease && left > lease.mul_f32(0.5)
}

/// By the database's clock: not before its end, and after it at once.
pub(crate) async fn lease_ends(made: Made) {
    let short = Duration::from_millis(150);
    let one = made.store.take_over("one", LEASE).await.unwrap().unwrap();
    assert!(ends_in(&one, LEASE), "{one:?}");
    assert_eq!(made.store.take_over("two", LEASE).await.unwrap(), None);
    let renewed = made.store.renew(one.epoch, one.expires_at, short).await.unwrap();
    assert!(ends_in(&renewed, short), "{renewed:?}");
    let until = tokio::time::Instant::now() + Duration::from_secs(5);
    let two = loop {
        let leader = made.store.leader().await.unwrap().unwrap();
        if let Some(two) = made.store.take_over("two", LEASE).await.unwrap() {
            assert!(two.now >= renewed.expires_at, "taken too early: {two:?} {renewed:?}");
            break two;
        }
        assert!(leader.now < renewed.expires_at, "not given free: {leader:?}");
        assert!(tokio::time::Instant::now() < until, "never given free");
        tokio::task::yield_now().await;
    };
    assert_eq!(two.epoch, one.epoch + 1);
}

/// A leader that hears no answer moves the end once; the first answer that it hears lets it go on.
pub(crate) async fn unheard_renewals(made: Made) {
    let (short, long) = (Duration::from_secs(60), Duration::from_secs(120));
    let one = made.store.take_over("one", short).await.unwrap().unwrap();
    let unheard = made.store.renew(one.epoch, one.expires_at, long).await.unwrap();
    assert!(ends_in(&unheard, long), "{unheard:?}");
    for _ in 0..3 {
        let again = made.store.renew(one.epoch, one.expires_at, LEASE * 100).await.unwrap();
        assert_eq!(again.expires_at, unheard.expires_at, "built on an answer that wasn't heard");
    }
    let next = made.store.renew(one.epoch, unheard.expires_at, short).await.unwrap();
    assert!(ends_in(&next, short), "{next:?}");
}

/// Given up at once.
pub(crate) async fn released(made: Made) {
    let one = made.store.take_over("one", LEASE).await.unwrap().unwrap();
    assert_eq!(made.store.take_over("two", LEASE).await.unwrap(), None);
    made.store.release(one.epoch).await.unwrap();
    let two = made.store.take_over("two", LEASE).await.unwrap().unwrap();
    assert_eq!(two.epoch, one.epoch + 1);
    made.store.release(one.epoch).await.unwrap();
    assert_eq!(
        made.store.take_over("one", LEASE).await.unwrap(),
        None,
        "the old leader can't give away the new lease"
    );
}

/// A process that was killed and came back doesn't wait for its own lease.
pub(crate) async fn hand_over_to_itself(made: Made) {
    let first = made.store.take_over("", LEASE).await.unwrap().unwrap();
    let second = made.store.take_over("", LEASE).await.unwrap().unwrap();
    assert_eq!(second.epoch, first.epoch + 1);
    assert!(is_deposed(made.store.check_epoch(first.epoch).await));
}

/// A batch that writes nothing asks whether it may answer.
pub(crate) async fn check(made: Made) {
    assert!(is_deposed(made.store.check_epoch(0).await));
    assert!(is_deposed(made.store.check_epoch(1).await), "nobody leads");
    assert_eq!(made.store.leader().await.unwrap(), None);
    let world = lead(&made, 4).await;
    made.store.check_epoch(world.epoch).await.unwrap();
    assert!(is_deposed(made.store.check_epoch(world.epoch + 1).await));
}
