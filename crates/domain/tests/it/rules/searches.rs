//! What is read in parts: windows whose rows lie far apart, sweeps, and readings that were too much at once.

use crate::kit::{Kit, completed, task, tasks};
use ukai_domain::scheduler::{Input, JobAction, Needs, Report, SweepPlace};
use ukai_domain::{SessionId, Settings, TaskId};

fn small() -> Settings {
    Settings { window_rows: 2, ..Settings::default() }
}

/// The steps until the session has its next task, which it completes in the first of them.
fn next(kit: &mut Kit, session: SessionId, of: TaskId) -> (usize, TaskId) {
    let run = kit.lease(of).progress.run;
    let report = Input::Report(Report { session, task: of, run: Some(run), word: completed() });
    let before = kit.handed_out().len();
    kit.step_once(vec![(1, report)]);
    let mut steps = 1;
    while kit.handed_out().len() == before {
        assert!(kit.state.has_background_work(), "nothing is handed out and nothing is done");
        kit.step_once(Vec::new());
        steps += 1;
    }
    (steps, kit.last_handed_out().0)
}

#[test]
fn a_long_search_of_one_host_holds_nobody_up_and_ends() {
    let mut kit = Kit::with(small());
    let sessions: Vec<SessionId> = (0..3).map(|_| kit.connected().1).collect();
    // One run each closes the lanes of a and c; the rows of b are read past all of theirs.
    kit.host("a.example", 0, 1);
    kit.host("c.example", 0, 1);
    let mut all = vec![task("c.example", 50)];
    all.extend(tasks(20, "a.example", 50));
    all.extend(tasks(400, "c.example", 50));
    all.push(task("a.example", 50));
    all.extend(tasks(60, "b.example", 50));
    let job = kit.job(1);
    let ids = kit.submit(job, all);
    let (a, last_a, b) = (&ids[1..21], ids[421], &ids[422..]);
    assert_eq!(kit.place_word(b[0]), "leased", "what lies behind closed lanes is found");
    let session = kit.lease(b[0]).session;
    assert!(sessions.contains(&session));
    kit.host("a.example", 0, 0);
    let (mut at, mut order, mut longest) = (b[0], Vec::new(), 0);
    while order.len() < 19 + 1 + 59 {
        let (steps, task) = next(&mut kit, session, at);
        longest = longest.max(steps);
        order.push(task);
        at = task;
    }
    assert_eq!(order[..19], a[1..], "the oldest first");
    assert_eq!(order[19], b[1], "not after four hundred rows of c");
    assert!((10..25).contains(&longest), "{longest} steps without a hand-out");
    let found = order.iter().position(|task| *task == last_a).expect("it is found");
    assert!(found < 60, "after {found} others");
}

#[test]
fn a_reading_that_was_too_much_becomes_less() {
    let mut kit = Kit::with(small());
    kit.submit_fresh(tasks(100, "a.example", 50));
    kit.submit_fresh(tasks(100, "b.example", 50));
    kit.take_over();
    let mut needs: Needs = kit.state.needs(&[]);
    assert_eq!((needs.ranges.len(), needs.ranges[0].limit), (2, 2));
    needs.halve();
    assert_eq!((needs.ranges.len(), needs.ranges[0].limit), (1, 1));
    needs.halve();
    assert_eq!((needs.ranges.len(), needs.ranges[0].limit), (1, 1), "never nothing");
}

#[test]
fn a_sweep_goes_on_behind_its_last_slice_and_looks_once_more_from_the_first_row_on() {
    let mut kit = Kit::with(Settings { sweep_slice: 6, ..Settings::default() });
    let job = kit.job(1);
    let mut all = tasks(10, "a.example", 50);
    all.extend(tasks(10, "a.example", 90));
    let ids = kit.submit(job, all);
    kit.step_once(vec![(1, Input::ControlJob { job, action: JobAction::Cancel, idempotency: None })]);
    let mut behind = Vec::new();
    while kit.state.has_background_work() {
        behind.push(kit.state.needs(&[]).sweeps[0].after.clone());
        kit.step_once(Vec::new());
    }
    assert!(ids.iter().all(|task| kit.place_word(*task) == "cancelled"));
    let ready = |rank, task| Some(SweepPlace::Ready("scrape".into(), rank, task));
    let slices = [None, ready(10, ids[15]), ready(50, ids[1]), ready(50, ids[7]), ready(50, ids[9]), None];
    assert_eq!(behind, slices);
}
