//! Every way that a task can go.

use super::{Made, commit, lead};
use crate::kit::{assert_same, assert_same_lists};
use std::time::Duration;

/// From each place to each other, one commit a step.
pub(crate) async fn every_kind(made: Made) {
    let mut world = lead(&made, 1).await;
    let job = *world.jobs.keys().next().unwrap();
    let worker = *world.workers.keys().next().unwrap();
    let later = world.now + Duration::from_secs(60);
    let tasks: Vec<_> = (0..9).map(|_| world.submit(job, "a.example", 50, None)).collect();
    let timed = world.submit(job, "b.example", 50, Some(later));
    let timed_then_cancelled = world.submit(job, "b.example", 50, Some(later));
    let at_once = world.submit(job, "a.example", 100, None);
    world.hand_out(at_once, worker); // new to leased
    let dead = world.submit(job, "a.example", 100, None);
    world.cancel(dead); // new to done
    commit(&made, &mut world).await;
    assert_same(&*made.store, &world).await;

    world.hand_out(tasks[0], worker); // ready to leased
    world.hand_out(tasks[1], worker);
    world.hand_out(tasks[2], worker);
    world.hand_out(tasks[3], worker);
    world.cancel(tasks[4]); // ready to done
    world.hand_out(timed, worker); // delayed to leased
    world.cancel(timed_then_cancelled); // delayed to done
    // Ready to delayed and back is the way of a cool-down that was set by hand.
    let ukai_domain::Place::Ready(waiting) = world.places[&tasks[5]].clone() else { panic!() };
    world.place(tasks[5], Some(ukai_domain::Place::Delayed(waiting.clone(), later)));
    commit(&made, &mut world).await;
    assert_same(&*made.store, &world).await;

    world.start(tasks[0]);
    commit(&made, &mut world).await;
    world.complete(tasks[0]); // leased to done
    world.fail(tasks[1], Some(later)); // leased to delayed
    world.fail(tasks[2], None); // leased to ready
    world.cancel(tasks[3]); // leased to done
    world.place(tasks[5], Some(ukai_domain::Place::Ready(waiting))); // delayed to ready
    commit(&made, &mut world).await;
    assert_same(&*made.store, &world).await;

    world.retry(tasks[4]); // done to ready
    world.retry(tasks[3]);
    world.hand_out(tasks[3], worker); // done to leased
    world.purge(tasks[0]); // done to nowhere
    world.purge(dead);
    commit(&made, &mut world).await;
    assert_same(&*made.store, &world).await;
    assert_same_lists(&*made.store, &world).await;
    assert!(made.store.task(tasks[0]).await.unwrap().is_none());
}

/// A row that is replaced where it is, in each place.
pub(crate) async fn in_place(made: Made) {
    let mut world = lead(&made, 2).await;
    let job = *world.jobs.keys().next().unwrap();
    let workers: Vec<_> = world.workers.keys().copied().collect();
    let later = world.now + Duration::from_secs(60);
    let ready = world.submit(job, "a.example", 50, None);
    let delayed = world.submit(job, "a.example", 50, Some(later));
    let leased = world.submit(job, "a.example", 50, None);
    world.hand_out(leased, workers[0]);
    commit(&made, &mut world).await;

    world.hand_out(ready, workers[0]);
    world.fail(ready, None); // ready to ready, with another history
    world.hand_out(delayed, workers[1]);
    world.fail(delayed, Some(later + Duration::from_secs(9)));
    world.start(leased);
    world.fail(leased, None);
    world.hand_out(leased, workers[2]); // leased to leased, by another worker as another run
    commit(&made, &mut world).await;
    assert_same(&*made.store, &world).await;
    assert_same_lists(&*made.store, &world).await;
}

/// Put back and cancelled again: done to done.
pub(crate) async fn ended_and_back_in_one_step(made: Made) {
    let mut world = lead(&made, 3).await;
    let job = *world.jobs.keys().next().unwrap();
    let worker = *world.workers.keys().next().unwrap();
    let task = world.submit(job, "a.example", 50, None);
    world.hand_out(task, worker);
    world.complete(task); // new to done with a run
    commit(&made, &mut world).await;
    world.retry(task);
    world.hand_out(task, worker);
    world.cancel(task);
    commit(&made, &mut world).await;
    assert_same(&*made.store, &world).await;
    assert_same_lists(&*made.store, &world).await;
}

/// A hundred and fifty random commits; the store is the model after every fifteenth.
pub(crate) async fn random_commits_are_the_model(made: Made) {
    let mut world = lead(&made, 4).await;
    for n in 0..150 {
        let size = 1 + world.dice(40);
        world.random(size);
        commit(&made, &mut world).await;
        if n % 15 == 0 {
            assert_same(&*made.store, &world).await;
        }
    }
    assert_same(&*made.store, &world).await;
    assert_same_lists(&*made.store, &world).await;
}

/// One task and two of them, each step a commit of its own: whatever their rows have alike.
pub(crate) async fn few_at_a_time(made: Made) {
    let mut world = lead(&made, 3).await;
    let job = *world.jobs.keys().next().unwrap();
    let worker = *world.workers.keys().next().unwrap();
    for round in 0..24 {
        let tasks: Vec<_> = (0..1 + round % 2).map(|_| world.submit(job, "a.example", 50, None)).collect();
        commit(&made, &mut world).await;
        for task in &tasks {
            world.hand_out(*task, worker);
        }
        commit(&made, &mut world).await;
        for task in &tasks {
            if round % 3 == 0 { world.fail(*task, None) } else { world.complete(*task) }
        }
        commit(&made, &mut world).await;
    }
    assert_same(&*made.store, &world).await;
}
