//! Jobs: how they begin, end, pause, are cancelled and deleted in slices, and take tasks again.

use crate::kit::{Kit, seconds, task, tasks};
use ukai_domain::scheduler::{Input, JobAction, JobRef, Submit};
use ukai_domain::{Code, ErrorType, Event, JobId, JobStatus, Outcome, Settings, TaskId};
use uuid::Uuid;

fn submit(kit: &mut Kit, job: JobRef) -> Option<Code> {
    kit.code(Input::Submit(Submit {
        job,
        tasks: vec![task("a.example", 50)],
        idempotency: None,
        trace: None,
    }))
}

#[test]
fn a_job_runs_from_its_first_hand_out_and_completes_when_one_succeeded() {
    let mut kit = Kit::new();
    let job = kit.job(1);
    let mut new = tasks(3, "a.example", 50);
    new[1].max_attempts = 1;
    let ids = kit.submit(job, new);
    assert_eq!(kit.job_status(job), JobStatus::Pending);
    let (_, session) = kit.connected();
    assert_eq!((kit.job_status(job), kit.job_row(job).started_at), (JobStatus::Running, Some(kit.now)));
    kit.complete(session, ids[0], 1);
    kit.fail(session, ids[1], 1, ErrorType::Network);
    assert_eq!(kit.job_status(job), JobStatus::Running);
    kit.ask(Input::CancelTask { task: ids[2] }).unwrap();
    assert_eq!((kit.job_status(job), kit.job_row(job).completed_at), (JobStatus::Completed, Some(kit.now)));
    assert_eq!(kit.queue().total.items, 1);
}

#[test]
fn a_job_fails_when_none_succeeded() {
    let mut kit = Kit::new();
    let job = kit.job(1);
    let ids = kit.submit(job, tasks(2, "a.example", 50));
    for task in ids {
        kit.ask(Input::CancelTask { task }).unwrap();
    }
    assert_eq!(kit.job_status(job), JobStatus::Failed);
    assert_eq!(kit.job_row(job).error.as_deref(), Some("no task of the job succeeded"));
}

#[test]
fn an_empty_job_waits_for_its_tasks() {
    let mut kit = Kit::new();
    let job = kit.job(1);
    kit.pass(seconds(3_600));
    assert_eq!(kit.job_status(job), JobStatus::Pending);
}

#[test]
fn an_ended_job_takes_tasks_again_also_if_it_ended_while_paused() {
    for paused in [false, true] {
        let mut kit = Kit::new();
        let (_, session) = kit.connected();
        let job = kit.job(1);
        let id = kit.submit(job, tasks(1, "a.example", 50))[0];
        if paused {
            kit.control(job, JobAction::Pause).unwrap();
        }
        kit.complete(session, id, 1);
        assert_eq!(kit.job_status(job), JobStatus::Completed);
        let more = kit.submit(job, tasks(1, "a.example", 50))[0];
        assert_eq!(kit.job_status(job), JobStatus::Running);
        assert_eq!(kit.place_word(more), "leased", "paused {paused}");
    }
}

#[test]
fn an_implicit_job_never_ends() {
    let mut kit = Kit::new();
    let (_, session) = kit.connected();
    let job = JobId(Uuid::from_u128(7));
    let implicit = || JobRef::Implicit { id: job, name: "loose".to_owned() };
    for _ in 0..2 {
        assert_eq!(submit(&mut kit, implicit()), None);
        let (id, run, _) = kit.last_handed_out();
        kit.complete(session, id, run.0);
        assert_eq!(kit.job_status(job), JobStatus::Running);
    }
    submit(&mut kit, implicit());
    kit.control(job, JobAction::Cancel).unwrap();
    kit.idle(session);
    assert_eq!(submit(&mut kit, implicit()), None, "cancelled were the tasks of before");
    assert_eq!(kit.place_word(kit.last_handed_out().0), "leased");
}

#[test]
fn a_paused_job_hands_out_nothing_and_finishes_what_runs() {
    let mut kit = Kit::new();
    let (_, session) = kit.connected();
    let job = kit.job(1);
    let ids = kit.submit(job, tasks(2, "a.example", 50));
    kit.control(job, JobAction::Pause).unwrap();
    kit.complete(session, ids[0], 1);
    assert_eq!((kit.place_word(ids[0]), kit.place_word(ids[1])), ("completed", "ready"));
    kit.take_over();
    kit.connected();
    assert_eq!(kit.place_word(ids[1]), "ready", "a new leader keeps to it");
    kit.control(job, JobAction::Resume).unwrap();
    assert_eq!(kit.place_word(ids[1]), "leased");
    assert_eq!(kit.job_status(job), JobStatus::Running);
}

#[test]
fn a_cancel_is_an_intent_that_is_swept_in_slices() {
    let mut kit = Kit::with(Settings { sweep_slice: 3, ..Settings::default() });
    let (_, session) = kit.connected();
    let job = kit.job(1);
    let mut new = tasks(10, "a.example", 50);
    new[9].not_before = Some(kit.now + seconds(5));
    let ids = kit.submit(job, new);
    kit.start(ids[0]);
    let open = |kit: &Kit| ids.iter().filter(|id| kit.place_word(**id) != "cancelled").count();
    kit.step_once(vec![(0, Input::ControlJob { job, action: JobAction::Cancel, idempotency: None })]);
    assert_eq!(kit.told_to_stop(session).len(), 1, "what runs ends at once");
    assert_eq!((open(&kit), kit.job_status(job)), (9, JobStatus::Cancelled));
    assert_eq!(submit(&mut kit, JobRef::Existing(job)), Some(Code::Conflict));
    let mut left = Vec::new();
    while kit.state.has_background_work() {
        kit.step_once(Vec::new());
        left.push(open(&kit));
    }
    assert!(left.windows(2).all(|pair| pair[0] - pair[1] <= 3), "{left:?}");
    assert_eq!(open(&kit), 0);
    kit.idle(session);
    kit.pass(seconds(10));
    assert_eq!(kit.handed_out().len(), 1);
    assert_eq!(kit.outcomes(ids[0]), [Outcome::Cancelled]);
}

#[test]
fn nothing_of_a_job_that_is_being_cancelled_comes_back() {
    let mut kit = Kit::with(Settings { sweep_slice: 1, ..Settings::default() });
    let (_, session) = kit.connected();
    let job = kit.job(1);
    let ids = kit.submit(job, tasks(5, "a.example", 50));
    kit.step_once(vec![(0, Input::ControlJob { job, action: JobAction::Cancel, idempotency: None })]);
    kit.step_once(vec![(0, Input::Heartbeat(crate::kit::heartbeat(session, Default::default(), None)))]);
    kit.step_once(vec![(0, Input::RetryTask { task: ids[0], idempotency: None })]);
    assert_eq!(kit.handed_out().len(), 1);
    kit.step(Vec::new());
    assert!(ids.iter().all(|id| kit.place_word(*id) == "cancelled"));
    kit.ask(Input::RetryTask { task: ids[0], idempotency: None }).unwrap();
    assert_eq!(kit.place_word(ids[0]), "leased", "after the sweep a retry wakes the job");
    assert_eq!(kit.job_status(job), JobStatus::Running);
}

#[test]
fn a_takeover_in_the_middle_of_a_sweep_goes_on() {
    for action in [JobAction::Cancel, JobAction::Delete] {
        let mut kit = Kit::with(Settings { sweep_slice: 2, ..Settings::default() });
        let job = kit.job(1);
        let ids = kit.submit(job, tasks(9, "a.example", 50));
        kit.step_once(vec![(0, Input::ControlJob { job, action, idempotency: None })]);
        kit.step_once(Vec::new());
        kit.take_over();
        kit.connected();
        kit.step(Vec::new());
        let word = if action == JobAction::Cancel { "cancelled" } else { "gone" };
        assert!(ids.iter().all(|id| kit.place_word(*id) == word), "{action:?}");
        assert_eq!(kit.handed_out(), []);
    }
}

#[test]
fn a_deleted_job_and_its_tasks_are_gone() {
    let mut kit = Kit::with(Settings { sweep_slice: 2, ..Settings::default() });
    let (_, session) = kit.connected();
    let job = kit.job(1);
    let ids: Vec<TaskId> = kit.submit(job, tasks(6, "a.example", 50));
    kit.complete(session, ids[0], 1);
    kit.control(job, JobAction::Delete).unwrap();
    assert!(ids.iter().all(|id| kit.place_word(*id) == "gone"));
    assert!(!kit.store.jobs.contains_key(&job));
    let total = kit.queue().total;
    assert_eq!((total.submitted, total.purged, total.open()), (6, 6, 0));
    assert_eq!(kit.control(job, JobAction::Delete).unwrap_err().code, Code::JobNotFound);
    assert_eq!(submit(&mut kit, JobRef::Existing(job)), Some(Code::JobNotFound));
    assert_eq!(kit.events().iter().filter(|e| matches!(e, Event::JobDeleted)).count(), 1);
}

#[test]
fn an_ended_job_can_be_deleted() {
    let mut kit = Kit::new();
    let (_, session) = kit.connected();
    let job = kit.job(1);
    let id = kit.submit(job, tasks(1, "a.example", 50))[0];
    kit.complete(session, id, 1);
    kit.control(job, JobAction::Delete).unwrap();
    assert_eq!(kit.place_word(id), "gone");
}

#[test]
fn wrong_states_are_conflicts() {
    let mut kit = Kit::new();
    let (job, other) = (kit.job(1), JobId::NIL);
    let code = |kit: &mut Kit, job, action| kit.control(job, action).err().map(|e| e.code);
    assert_eq!(code(&mut kit, job, JobAction::Resume), Some(Code::Conflict));
    assert_eq!(code(&mut kit, job, JobAction::Pause), None);
    assert_eq!(code(&mut kit, job, JobAction::Pause), None, "already so");
    assert_eq!(code(&mut kit, job, JobAction::Cancel), None);
    for action in [JobAction::Pause, JobAction::Resume, JobAction::Cancel] {
        assert_eq!(code(&mut kit, job, action), Some(Code::Conflict), "{action:?}");
        assert_eq!(code(&mut kit, other, action), Some(Code::JobNotFound), "{action:?}");
    }
}
