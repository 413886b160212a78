//! The exact order: priority, then fairness between jobs, then the oldest id; retries keep their place.

use super::{HandedOut, Line, jobs};
use crate::kit::{seconds, task, tasks};
use proptest::prelude::*;
use std::collections::BTreeMap;
use ukai_domain::scheduler::{Input, Report, Word};
use ukai_domain::{ErrorType, JobId, Place, Settings, TaskId};

/// The highest priority among the waiting.
fn highest_waiting(line: &Line) -> Option<u8> {
    let ready = |place: &Place| match place {
        Place::Ready(waiting) => Some(waiting.body.priority),
        _ => None,
    };
    line.kit.store.places.values().filter_map(ready).max()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Nothing is handed out while something of higher priority waits for the same worker.
    #[test]
    fn priority_is_strict(
        script in prop::collection::vec((0..3_usize, 0..4_u8, 1..8_usize, 0..6_usize), 1..20),
    ) {
        let mut line = Line::new(Settings::default());
        let of: Vec<JobId> = (1..=3).map(|weight| line.kit.job(weight)).collect();
        for (job, priority, n, serve) in script {
            line.kit.submit(of[job], tasks(n, "a.example", priority * 30));
            for _ in 0..serve {
                // What was handed out before the submission isn't judged by it.
                while line.news().is_some() {}
                let highest = highest_waiting(&line);
                line.complete();
                prop_assert_eq!(line.news().map(|h| h.priority), highest);
            }
        }
    }

    /// Inside a job and a priority the oldest comes first, whatever is cancelled in between.
    #[test]
    fn the_oldest_of_a_job_comes_first(
        sizes in prop::collection::vec((0..3_usize, 0..2_usize, 1..10_usize), 1..8),
        cancelled in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let mut line = Line::new(Settings::default());
        let of: Vec<JobId> = (1..=3).map(|weight| line.kit.job(weight)).collect();
        let hosts = ["a.example", "b.example"];
        let mut all = Vec::new();
        for (job, host, n) in sizes {
            all.extend(line.kit.submit(of[job], tasks(n, hosts[host], 50)));
        }
        let cancelled: Vec<TaskId> = cancelled.iter().map(|at| *at.get(&all)).collect();
        for task in &cancelled {
            if line.kit.place_word(*task) == "ready" {
                line.kit.ask(Input::CancelTask { task: *task }).unwrap();
            }
        }
        let order = line.rest();
        for job in of {
            let ids: Vec<TaskId> = order.iter().filter(|h| h.job == job).map(|h| h.task).collect();
            prop_assert!(ids.is_sorted(), "{ids:?}");
        }
        prop_assert!(all.iter().all(|task| ["completed", "cancelled"].contains(&line.kit.place_word(*task))));
    }

    /// A wave of higher priority doesn't push a job back behind its peers: the order below is the order
    /// without the wave, whoever made it.
    #[test]
    fn a_wave_of_higher_priority_leaves_the_order_below(
        weights in prop::collection::vec(1..=10_u32, 2..5),
        before in 0..25_usize,
        wave in 1..40_usize,
        by in any::<prop::sample::Index>(),
    ) {
        let below = |with_wave: bool| -> Vec<usize> {
            let mut line = Line::new(Settings::default());
            let of: Vec<JobId> = weights.iter().map(|weight| line.kit.job(*weight)).collect();
            for job in &of {
                line.kit.submit(*job, tasks(20, "a.example", 50));
            }
            let mut order = line.take(before);
            if with_wave {
                line.kit.submit(*by.get(&of), tasks(wave, "a.example", 90));
            }
            order.extend(line.rest());
            let of_band = order.iter().filter(|h| h.priority == 50);
            of_band.map(|h| of.iter().position(|job| *job == h.job).unwrap()).collect()
        };
        prop_assert_eq!(below(true), below(false));
    }

    /// A retry keeps its id, so it comes before the job's younger tasks, and is charged again: failing pages
    /// don't give a job more hand-outs.
    #[test]
    fn retries_keep_their_place_and_are_charged(fails in prop::collection::vec(any::<bool>(), 20)) {
        let mut line = Line::new(Settings::default());
        let (fails_now_and_then, other) = (line.kit.job(1), line.kit.job(1));
        let ids = line.kit.submit(fails_now_and_then, tasks(20, "a.example", 50));
        line.kit.submit(other, tasks(60, "b.example", 50));
        let mut order: Vec<HandedOut> = Vec::new();
        while let Some(next) = line.news().or_else(|| { line.complete(); line.news() }) {
            let fail = ids.iter().position(|id| *id == next.task).is_some_and(|at| fails[at]) && next.run.0 == 1;
            if fail {
                // The back-off is over before the next page is.
                let (session, task, run) = (next.session, next.task, Some(next.run));
                let word = Word::failed(ErrorType::Network);
                line.out = None;
                line.kit.ask(Input::Report(Report { session, task, run, word })).unwrap();
                line.kit.pass(seconds(3));
            }
            order.push(next);
        }
        let expected: Vec<(TaskId, u32)> = ids
            .iter()
            .zip(&fails)
            .flat_map(|(id, fail)| (1..=if *fail { 2 } else { 1 }).map(|run| (*id, run)))
            .collect();
        let mut got: Vec<(TaskId, u32)> =
            order.iter().filter(|h| h.job == fails_now_and_then).map(|h| (h.task, h.run.0)).collect();
        got.sort_unstable();
        prop_assert_eq!(got, expected);
        let mut lead = BTreeMap::<JobId, i64>::new();
        for job in jobs(&order).into_iter().take(40) {
            *lead.entry(job).or_default() += 1;
            let of = |job: &JobId| lead.get(job).copied().unwrap_or_default();
            prop_assert!((of(&fails_now_and_then) - of(&other)).abs() <= 1, "{lead:?}");
        }
    }
}

#[test]
fn a_retry_comes_before_the_younger_tasks_of_its_job() {
    let mut line = Line::new(Settings::default());
    let job = line.kit.job(1);
    let ids = line.kit.submit(job, tasks(3, "a.example", 50));
    let first = line.next().unwrap();
    line.out = None;
    line.kit.fail(first.session, first.task, 1, ErrorType::Network);
    line.kit.pass(seconds(3));
    let order: Vec<(TaskId, u32)> = line.rest().iter().map(|h| (h.task, h.run.0)).collect();
    assert_eq!(order, [(ids[1], 1), (ids[0], 2), (ids[2], 1)]);
}

#[test]
fn another_kind_of_higher_priority_waits_for_its_own_workers() {
    let mut line = Line::new(Settings::default());
    let job = line.kit.job(1);
    let mut other = task("a.example", 90);
    other.kind = "ocr".into();
    line.kit.submit(job, vec![other, task("a.example", 10)]);
    assert_eq!(line.rest().iter().map(|h| h.priority).collect::<Vec<_>>(), [10]);
}
