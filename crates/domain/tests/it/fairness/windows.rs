//! What is in memory must not show: windows of two rows hand out exactly as windows that hold everything.

use super::Line;
use crate::kit::tasks;
use proptest::prelude::*;
use std::time::Duration;
use ukai_domain::scheduler::{Input, JobAction};
use ukai_domain::{ErrorType, Settings};

#[derive(Clone, Debug)]
enum Act {
    Submit { job: usize, host: usize, priority: u8, n: usize },
    Delayed { job: usize, host: usize, n: usize, after: u64 },
    Serve(usize),
    Fail(ErrorType),
    Cancel(prop::sample::Index),
    Retry(prop::sample::Index),
    Pause(usize),
    Resume(usize),
    Host { host: usize, interval: u32, concurrency: u32 },
    Pass(u64),
}

fn act() -> impl Strategy<Value = Act> {
    let (job, host) = (0..4_usize, 0..3_usize);
    prop_oneof![
        5 => (job.clone(), host.clone(), prop::sample::select(vec![10_u8, 50, 50, 90]), 1..20_usize)
            .prop_map(|(job, host, priority, n)| Act::Submit { job, host, priority, n }),
        1 => (job.clone(), host.clone(), 1..4_usize, 1..20_000_u64)
            .prop_map(|(job, host, n, after)| Act::Delayed { job, host, n, after }),
        5 => (1..12_usize).prop_map(Act::Serve),
        3 => prop::sample::select(ErrorType::ALL.to_vec()).prop_map(Act::Fail),
        2 => any::<prop::sample::Index>().prop_map(Act::Cancel),
        1 => any::<prop::sample::Index>().prop_map(Act::Retry),
        1 => job.clone().prop_map(Act::Pause),
        1 => job.prop_map(Act::Resume),
        1 => (host, 0..2_000_u32, 0..2_u32)
            .prop_map(|(host, interval, concurrency)| Act::Host { host, interval, concurrency }),
        2 => (1..10_000_u64).prop_map(Act::Pass),
    ]
}

/// The hand-outs of a script: which submission, which run.
fn play(script: &[Act], settings: Settings) -> Vec<(usize, u32)> {
    let mut line = Line::new(settings);
    let jobs: Vec<_> = [1, 1, 3, 10].into_iter().map(|weight| line.kit.job(weight)).collect();
    let hosts = ["a.example", "b.example", "c.example"];
    let mut all = Vec::new();
    let mut order = Vec::new();
    for act in script {
        match act {
            Act::Submit { job, host, priority, n } => {
                let new = tasks(*n, hosts[*host], *priority);
                all.extend(line.kit.submit(jobs[*job], new));
            }
            Act::Delayed { job, host, n, after } => {
                let mut new = tasks(*n, hosts[*host], 50);
                for (at, task) in (0_u64..).zip(&mut new) {
                    task.not_before = Some(line.kit.now + Duration::from_millis(after + at * 10));
                }
                all.extend(line.kit.submit(jobs[*job], new));
            }
            Act::Serve(n) => order.extend(line.take(*n)),
            Act::Fail(kind) => {
                order.extend(line.news());
                if let Some(out) = line.out.take() {
                    line.kit.fail(out.session, out.task, out.run.0, *kind);
                }
            }
            // Refusals are part of the script: they are the same for both.
            Act::Cancel(at) if !all.is_empty() => {
                let task = *at.get(&all);
                if line.kit.place_word(task) != "leased" {
                    let _refused = line.kit.ask(Input::CancelTask { task });
                }
            }
            Act::Retry(at) if !all.is_empty() => {
                let _refused = line.kit.ask(Input::RetryTask { task: *at.get(&all), idempotency: None });
            }
            Act::Cancel(_) | Act::Retry(_) => {}
            Act::Pause(job) => drop(line.kit.control(jobs[*job], JobAction::Pause)),
            Act::Resume(job) => drop(line.kit.control(jobs[*job], JobAction::Resume)),
            Act::Host { host, interval, concurrency } => line.kit.host(hosts[*host], *interval, *concurrency),
            Act::Pass(ms) => line.kit.pass(Duration::from_millis(*ms)),
        }
    }
    for job in jobs {
        let _refused = line.kit.control(job, JobAction::Resume);
    }
    order.extend(line.rest());
    assert_eq!(line.kit.queue().total.open(), 0, "everything was handed out");
    order.iter().map(|h| (all.iter().position(|id| *id == h.task).unwrap(), h.run.0)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn small_windows_give_the_order_of_large_ones(script in prop::collection::vec(act(), 1..40)) {
        let small = Settings { window_rows: 2, window_budget: 4, ..Settings::default() };
        prop_assert_eq!(play(&script, small), play(&script, Settings::default()));
    }

    /// Hand-outs that are spread over several steps come in the same order too.
    #[test]
    fn heads_alone_give_the_order_of_large_windows(script in prop::collection::vec(act(), 1..40)) {
        let heads = Settings { window_rows: 2, window_budget: 0, max_handouts: 1, ..Settings::default() };
        prop_assert_eq!(play(&script, heads), play(&script, Settings::default()));
    }
}
