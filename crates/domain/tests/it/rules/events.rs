//! Commits and the log: contiguous numbers job by job, the net of what a step did.

use crate::kit::{Kit, completed, task, tasks};
use std::collections::BTreeSet;
use ukai_domain::scheduler::{Input, JobRef, PlaceName, Report, Submit};
use ukai_domain::{Event, JobId, JobKind, Place, Run};

#[test]
fn numbers_are_dealt_job_by_job_without_gaps() {
    let mut kit = Kit::new();
    kit.connected();
    let jobs = [kit.job(1), kit.job(1), kit.job(1)];
    let submit = |job: JobId| {
        Input::Submit(Submit {
            job: JobRef::Existing(job),
            tasks: tasks(2, "a.example", 50),
            idempotency: None,
            trace: None,
        })
    };
    // Interleaved in time, apart in the log.
    kit.step([0, 1, 2, 0, 1, 2].map(|at| submit(jobs[at])).to_vec());
    let commit = kit.commits.last().unwrap();
    let mut next = commit.events[0].first;
    let mut seen = BTreeSet::new();
    for row in &commit.events {
        assert_eq!(row.first, next);
        next = row.last() + 1;
        assert!(seen.insert(row.job), "one row a job");
    }
    assert_eq!(seen.len(), 3);
    assert_eq!(commit.last_event, next - 1);
    assert_eq!(kit.state.last_event(), next - 1);
    let all: Vec<u64> = kit.commits.iter().flat_map(|c| &c.events).flat_map(|r| r.first..=r.last()).collect();
    assert_eq!(all, (1..=next - 1).collect::<Vec<_>>());
}

#[test]
fn a_task_that_finds_a_free_slot_leaves_no_ready_row() {
    let mut kit = Kit::new();
    kit.connected();
    let id = kit.one(task("a.example", 50));
    let commit = kit.commits.last().unwrap();
    assert_eq!(commit.moves.len(), 1);
    assert_eq!((commit.moves[0].task, commit.moves[0].from), (id, None));
    assert!(matches!(commit.moves[0].to, Some(Place::Leased(_))));
    assert_eq!(commit.counts.len(), 1);
    let delta = commit.counts[0].1;
    assert_eq!((delta.submitted, delta.ready, delta.leased), (1, 0, 1));
}

#[test]
fn a_completion_and_the_next_hand_out_are_one_commit() {
    let mut kit = Kit::new();
    let (_, session) = kit.connected();
    let ids = kit.submit_fresh(tasks(2, "a.example", 50));
    let before = kit.commits.len();
    kit.complete(session, ids[0], 1);
    assert_eq!(kit.commits.len(), before + 1);
    let moves: Vec<_> = kit.commits.last().unwrap().moves.iter().map(|m| (m.task, m.from)).collect();
    assert_eq!(moves, [(ids[0], Some(PlaceName::Leased)), (ids[1], Some(PlaceName::Ready))]);
}

#[test]
fn a_task_that_comes_and_ends_in_one_step_is_one_move_and_all_its_events() {
    let mut kit = Kit::new();
    let (_, session) = kit.connected();
    let job = kit.job(1);
    let before = kit.commits.len();
    let id = kit.submit(job, vec![task("a.example", 50)])[0];
    let word = completed();
    let report = |word| Input::Report(Report { session, task: id, run: Some(Run(1)), word });
    kit.step(vec![report(ukai_domain::scheduler::Word::Started), report(word)]);
    assert_eq!(kit.commits.len(), before + 2);
    assert_eq!(kit.commits.last().unwrap().moves.len(), 1);
    let words: Vec<&str> = kit
        .events_of(id)
        .iter()
        .map(|event| match event {
            Event::TaskCreated { .. } => "created",
            Event::TaskAssigned { .. } => "assigned",
            Event::TaskStarted { .. } => "started",
            Event::TaskCompleted { .. } => "completed",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(words, ["created", "assigned", "started", "completed"]);
}

#[test]
fn what_changes_nothing_writes_nothing() {
    let mut kit = Kit::new();
    let (_, session) = kit.connected();
    let before = kit.commits.len();
    kit.idle(session);
    kit.step(vec![Input::Tick, Input::Heard { sessions: Vec::new() }, Input::BusLost, Input::Resync]);
    kit.queue();
    assert!(kit.code(Input::CancelTask { task: ukai_domain::TaskId::NIL }).is_some());
    assert_eq!(kit.commits.len(), before);
}

#[test]
fn ids_strictly_increase_in_the_order_of_a_batch_also_over_a_takeover() {
    let mut kit = Kit::new();
    let first = kit.submit_fresh(tasks(50, "a.example", 50));
    kit.take_over();
    let second = kit.submit_fresh(tasks(50, "a.example", 50));
    let all: Vec<_> = first.into_iter().chain(second).collect();
    assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
}

#[test]
fn a_batch_without_a_job_makes_one() {
    let mut kit = Kit::new();
    let job = JobRef::New { name: "batch".to_owned(), kind: JobKind::Scrape, weight: 3, crawl: None };
    kit.ask(Input::Submit(Submit { job, tasks: tasks(2, "a.example", 50), idempotency: None, trace: None }))
        .unwrap();
    let made = kit.store.jobs.values().next().unwrap();
    assert_eq!((made.name.as_str(), made.weight), ("batch", 3));
}
