//! Jobs that join: they get their share from then on, neither less nor more.

use super::{HandedOut, Line, jobs};
use crate::kit::{seconds, tasks};
use proptest::prelude::*;
use std::time::Duration;
use ukai_domain::scheduler::JobAction;
use ukai_domain::{JobId, Settings};

/// How a host is kept slow.
#[derive(Clone, Copy, Debug)]
enum Slow {
    Interval(u32),
    OneAtATime,
    No,
}

fn slow() -> impl Strategy<Value = Slow> {
    prop_oneof![(1..5_000_u32).prop_map(Slow::Interval), Just(Slow::OneAtATime), Just(Slow::No)]
}

fn set(line: &mut Line, slow: Slow) {
    match slow {
        Slow::Interval(ms) => line.kit.host("shop.example", ms, 0),
        Slow::OneAtATime => line.kit.host("shop.example", 0, 1),
        Slow::No => {}
    }
}

/// After how many hand-outs the job has got `n` of them.
fn until(line: &[HandedOut], job: JobId, n: usize) -> Option<usize> {
    line.iter().enumerate().filter(|(_, h)| h.job == job).nth(n - 1).map(|(at, _)| at + 1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A job of 10 that joins a host's lane behind a job of 2,000 gets its ten within 25 hand-outs of that lane.
    #[test]
    fn a_small_job_behind_a_large_one(size in 40..2_000_usize, before in 0..30_usize, slow in slow()) {
        let mut line = Line::new(Settings::default());
        set(&mut line, slow);
        let large = line.kit.job(1);
        line.kit.submit(large, tasks(size, "shop.example", 50));
        line.take(before);
        let small = line.kit.job(1);
        line.kit.submit(small, tasks(10, "shop.example", 50));
        let after = line.take(26);
        let at = until(&after, small, 10);
        prop_assert!(at.is_some_and(|at| at <= 25), "{at:?} of {:?}", jobs(&after));
        line.kit.check();
    }

    /// The same while another job has many more hand-outs on fast hosts in between.
    #[test]
    fn a_small_job_in_a_slow_lane_beside_a_fast_one(
        size in 40..300_usize,
        interval in 100..1_000_u32,
        before in 0..40_usize,
        weight in 1..=10_u32,
    ) {
        let mut line = Line::new(Settings::default());
        set(&mut line, Slow::Interval(interval));
        let fast = line.kit.job(weight);
        line.kit.submit(fast, tasks(3_000, "fast.example", 50));
        let large = line.kit.job(1);
        line.kit.submit(large, tasks(size, "shop.example", 50));
        let busy = |line: &mut Line, n: usize| {
            let mut of_lane = Vec::new();
            for _ in 0..n {
                line.kit.pass(Duration::from_millis(100));
                of_lane.extend(line.next().filter(|h| h.host == "shop.example"));
            }
            of_lane
        };
        busy(&mut line, before);
        let small = line.kit.job(1);
        line.kit.submit(small, tasks(10, "shop.example", 50));
        let mut of_lane = Vec::new();
        for _ in 0..60 {
            of_lane.extend(if of_lane.len() < 25 { busy(&mut line, 10) } else { Vec::new() });
        }
        prop_assert!(of_lane.len() >= 25, "{} hand-outs of the slow lane", of_lane.len());
        let at = until(&of_lane, small, 10);
        prop_assert!(at.is_some_and(|at| at <= 25), "{at:?} of {:?}", jobs(&of_lane));
    }

    /// A new job never takes more than its share, and never gets less: over any stretch after its joining it is
    /// within the rounding of one hand-out a job, whatever the weights and whenever it came.
    #[test]
    fn a_new_job_has_its_share_from_then_on(
        weights in prop::collection::vec(1..=10_u32, 1..4),
        weight in 1..=10_u32,
        before in 0..60_usize,
        slow in slow(),
    ) {
        let mut line = Line::new(Settings::default());
        set(&mut line, slow);
        for weight in &weights {
            let job = line.kit.job(*weight);
            line.kit.submit(job, tasks(200, "shop.example", 50));
        }
        line.take(before);
        let new = line.kit.job(weight);
        line.kit.submit(new, tasks(200, "shop.example", 50));
        let after = jobs(&line.take(100));
        let others = weights.len() as f64;
        let share = f64::from(weight) / f64::from(weight + weights.iter().sum::<u32>());
        for from in 0..after.len() {
            let mut got = 0.0;
            for to in from..after.len() {
                got += f64::from(u8::from(after[to] == new));
                let length = (to - from + 1) as f64;
                // The hand-outs that two jobs got per weight differ by 1/w + 1/w' at most.
                let most = share * (length + others - 1.0) + 1.01;
                let least = share * (length + 1.0 - others) - 1.01;
                prop_assert!(got <= most && got >= least, "{got} of {length}, {least}..{most}: {after:?}");
            }
            // At its joining nobody is behind: what it takes at once is its share and one more.
            if from == 0 {
                let first = after.iter().take(20).filter(|job| **job == new).count() as f64;
                prop_assert!(first <= share * 20.0 + 2.0, "{first} of its first 20 with a share of {share}");
            }
        }
    }

    /// Pause and resume give no refund: after its return a job doesn't catch up.
    #[test]
    fn a_pause_is_not_made_up_for(before in 0..20_usize, during in 0..30_usize, weight in 1..=5_u32) {
        let mut line = Line::new(Settings::default());
        let (stays, pauses) = (line.kit.job(weight), line.kit.job(weight));
        line.kit.submit(stays, tasks(200, "a.example", 50));
        line.kit.submit(pauses, tasks(200, "b.example", 50));
        line.take(before);
        line.kit.control(pauses, JobAction::Pause).unwrap();
        let meanwhile = line.take(during + 1);
        prop_assert!(meanwhile.iter().skip(1).all(|h| h.job == stays));
        line.kit.control(pauses, JobAction::Resume).unwrap();
        let after = jobs(&line.take(40));
        let got = after.iter().filter(|job| **job == pauses).count();
        prop_assert!((19..=21).contains(&got), "{got} of 40");
    }
}

/// The same without chance: two jobs that only have a slow lane share it evenly while V runs ahead of both.
#[test]
fn two_jobs_share_a_slow_lane_while_others_run_ahead() {
    let mut line = Line::new(Settings::default());
    line.kit.host("slow.example", 1_000, 0);
    let fast = line.kit.job(1);
    line.kit.submit(fast, tasks(2_000, "fast.example", 50));
    let (first, second) = (line.kit.job(1), line.kit.job(1));
    line.kit.submit(first, tasks(100, "slow.example", 50));
    line.kit.submit(second, tasks(100, "slow.example", 50));
    let mut slow = Vec::new();
    for _ in 0..200 {
        line.kit.pass(Duration::from_millis(100));
        slow.extend(line.next().filter(|h| h.host == "slow.example"));
    }
    let got = jobs(&slow).iter().filter(|job| **job == first).count();
    assert!(slow.len() >= 15, "{} of the slow lane", slow.len());
    assert!(got.abs_diff(slow.len() - got) <= 1, "{got} of {}", slow.len());
}

/// A job that comes back after its rows ran out is charged for what it had before.
#[test]
fn coming_back_with_one_task_at_a_time_wins_nothing() {
    let mut line = Line::new(Settings::default());
    let steady = line.kit.job(1);
    line.kit.submit(steady, tasks(100, "a.example", 50));
    let drips = line.kit.job(1);
    let mut got = 0;
    let mut waits = false;
    for _ in 0..60 {
        if !waits {
            line.kit.submit(drips, tasks(1, "b.example", 50));
            waits = true;
        }
        let next = line.next().unwrap();
        if next.job == drips {
            got += 1;
            waits = false;
        }
    }
    assert!((28..=31).contains(&got), "{got} of 60");
    line.kit.pass(seconds(1));
}
