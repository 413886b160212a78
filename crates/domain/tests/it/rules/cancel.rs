//! Operators cancel, retry and purge tasks, wherever these are.

use crate::kit::{Kit, completed, seconds, task};
use ukai_domain::scheduler::{Input, Refusal, Reply};
use ukai_domain::{Code, DoneStatus, ErrorType, Event, Outcome, Run, TaskId};

fn cancel(kit: &mut Kit, task: TaskId) -> Option<Code> {
    kit.code(Input::CancelTask { task })
}

fn retry(kit: &mut Kit, task: TaskId) -> Option<Code> {
    kit.code(Input::RetryTask { task, idempotency: None })
}

fn purge(kit: &mut Kit, task: TaskId) -> Option<Code> {
    kit.code(Input::PurgeTask { task })
}

#[test]
fn a_cancel_ends_a_task_in_each_place() {
    let mut kit = Kit::new();
    let ready = kit.one(task("a.example", 50));
    let mut later = task("a.example", 50);
    later.not_before = Some(kit.now + seconds(60));
    let delayed = kit.one(later);
    for id in [ready, delayed] {
        assert_eq!(cancel(&mut kit, id), None);
        assert_eq!((kit.place_word(id), kit.outcomes(id)), ("cancelled", vec![]));
        assert_eq!(cancel(&mut kit, id), Some(Code::Conflict), "it has ended");
    }
    let (_, session) = kit.connected();
    let assigned = kit.one(task("a.example", 50));
    cancel(&mut kit, assigned);
    kit.idle(session);
    let running = kit.one(task("a.example", 50));
    kit.start(running);
    cancel(&mut kit, running);
    assert_eq!(kit.told_to_stop(session), [(assigned, Run(1)), (running, Run(1))]);
    for id in [assigned, running] {
        assert_eq!((kit.place_word(id), kit.outcomes(id)), ("cancelled", vec![Outcome::Cancelled]));
    }
    kit.complete(session, running, 1);
    let done = kit.one(task("a.example", 50));
    kit.complete(session, done, 1);
    assert_eq!(cancel(&mut kit, done), Some(Code::Conflict));
    assert_eq!(cancel(&mut kit, TaskId::NIL), Some(Code::TaskNotFound));
    kit.pass(seconds(61));
    assert_eq!(kit.handed_out().len(), 3, "nothing of it comes back");
}

#[test]
fn a_cancel_and_a_completion_in_one_step_leave_one_end() {
    for cancel_first in [true, false] {
        let mut kit = Kit::new();
        let (_, session) = kit.connected();
        let id = kit.one(task("a.example", 50));
        let report = Input::Report(ukai_domain::scheduler::Report {
            session,
            task: id,
            run: Some(Run(1)),
            word: completed(),
        });
        let mut inputs = vec![report, Input::CancelTask { task: id }];
        if cancel_first {
            inputs.reverse();
        }
        let replies = kit.step(inputs);
        if cancel_first {
            assert_eq!(kit.place_word(id), "cancelled");
            assert_eq!(replies[1], Ok(Reply::Refused(Refusal::Stale)));
        } else {
            assert_eq!(kit.place_word(id), "completed");
            assert_eq!(replies[1].as_ref().unwrap_err().code, Code::Conflict);
        }
        assert_eq!(kit.outcomes(id).len(), 1);
    }
}

#[test]
fn a_retry_resets_attempts_and_losses_but_never_the_run() {
    let mut kit = Kit::new();
    let (_, session) = kit.connected();
    let mut new = task("a.example", 50);
    new.max_attempts = 2;
    let id = kit.one(new);
    assert_eq!(retry(&mut kit, id), Some(Code::Conflict), "it runs");
    kit.fail(session, id, 1, ErrorType::Network);
    assert_eq!(retry(&mut kit, id), Some(Code::Conflict), "it waits");
    kit.until_leased(id);
    kit.fail(session, id, 2, ErrorType::Network);
    assert_eq!(kit.done(id).status, DoneStatus::Failed);
    assert_eq!(retry(&mut kit, id), None);
    let lease = kit.lease(id);
    assert_eq!((lease.progress.run, lease.progress.attempts), (Run(3), 0));
    assert_eq!(kit.attempts(id), [1, 2, 1]);
    assert_eq!(kit.complete(session, id, 2), Reply::Refused(Refusal::Stale));
    cancel(&mut kit, id);
    kit.idle(session);
    assert_eq!(retry(&mut kit, id), None, "cancelled ones too");
    assert_eq!(kit.lease(id).progress.run, Run(4));
    kit.complete(session, id, 4);
    assert_eq!(retry(&mut kit, id), Some(Code::Conflict), "it has succeeded");
    assert_eq!(retry(&mut kit, TaskId::NIL), Some(Code::TaskNotFound));
    let requeued = kit.events_of(id).into_iter().filter(|e| matches!(e, Event::TaskRequeued { .. })).count();
    assert_eq!(requeued, 2);
}

#[test]
fn a_purge_removes_ended_tasks_alone_and_the_balance_knows() {
    let mut kit = Kit::new();
    let (_, session) = kit.connected();
    let job = kit.job(1);
    let ids = kit.submit(job, vec![task("a.example", 50), task("a.example", 50)]);
    assert_eq!(purge(&mut kit, ids[0]), Some(Code::Conflict), "it runs");
    assert_eq!(purge(&mut kit, ids[1]), Some(Code::Conflict), "it waits");
    kit.complete(session, ids[0], 1);
    assert_eq!(purge(&mut kit, ids[0]), None);
    assert_eq!(kit.place_word(ids[0]), "gone");
    assert_eq!(purge(&mut kit, ids[0]), Some(Code::TaskNotFound));
    assert_eq!(kit.complete(session, ids[0], 1), Reply::Refused(Refusal::NotAssigned));
    let counts = kit.counts(job);
    assert_eq!((counts.submitted, counts.purged, counts.completed, counts.leased), (2, 1, 0, 1));
    kit.complete(session, ids[1], 1);
    assert_eq!(purge(&mut kit, ids[1]), None, "also of an ended job");
    let total = kit.queue().total;
    assert_eq!((total.submitted, total.purged), (2, 2));
}
