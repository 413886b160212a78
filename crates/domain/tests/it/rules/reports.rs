//! Reports: accepted once, repeats are duplicates, old runs are stale, strangers are refused.

use crate::kit::{Kit, completed, task};
use ukai_domain::scheduler::{Input, Refusal, Reply, Report, Word};
use ukai_domain::{ErrorType, Outcome, Run, SessionId, TaskId};

const NEW: Reply = Reply::Accepted { duplicate: false };
const AGAIN: Reply = Reply::Accepted { duplicate: true };
const STALE: Reply = Reply::Refused(Refusal::Stale);
const NOT_ASSIGNED: Reply = Reply::Refused(Refusal::NotAssigned);
const UNKNOWN: Reply = Reply::Refused(Refusal::UnknownSession);

fn leased() -> (Kit, SessionId, TaskId) {
    let mut kit = Kit::new();
    let (_, session) = kit.connected();
    let id = kit.one(task("a.example", 50));
    (kit, session, id)
}

fn input(session: SessionId, task: TaskId, run: Option<u32>, word: Word) -> Input {
    Input::Report(Report { session, task, run: run.map(Run), word })
}

#[test]
fn the_first_ending_wins_and_the_same_again_is_a_duplicate() {
    let (mut kit, session, id) = leased();
    assert_eq!(kit.report(session, id, Some(Run(1)), Word::Started), NEW);
    assert_eq!(kit.report(session, id, Some(Run(1)), Word::Started), AGAIN);
    assert_eq!(kit.complete(session, id, 1), NEW);
    assert_eq!(kit.complete(session, id, 1), AGAIN);
    assert_eq!(kit.report(session, id, None, completed()), AGAIN);
    assert_eq!(kit.report(session, id, Some(Run(1)), Word::Started), AGAIN, "overtaken by its own end");
    assert_eq!(kit.fail(session, id, 1, ErrorType::Network), STALE, "the other ending");
    assert_eq!(kit.outcomes(id), [Outcome::Completed]);
    assert_eq!(kit.queue().total.items, 1);
}

#[test]
fn inside_one_batch_the_same_holds() {
    let (mut kit, session, id) = leased();
    let replies = kit.step(vec![
        input(session, id, Some(1), completed()),
        input(session, id, Some(1), completed()),
        input(session, id, Some(1), Word::failed(ErrorType::Captcha)),
        input(session, id, None, completed()),
        input(session, id, Some(1), Word::Started),
        input(session, id, Some(2), completed()),
    ]);
    assert_eq!(replies, [NEW, AGAIN, STALE, AGAIN, AGAIN, STALE].map(Ok));
    assert_eq!(kit.outcomes(id), [Outcome::Completed]);
}

#[test]
fn fifty_times_the_same_result_is_one_result() {
    let (mut kit, session, id) = leased();
    let replies = kit.step((0..50).map(|_| input(session, id, Some(1), completed())).collect());
    assert_eq!(replies.iter().filter(|r| **r == Ok(NEW)).count(), 1);
    assert_eq!(replies.iter().filter(|r| **r == Ok(AGAIN)).count(), 49);
}

#[test]
fn only_the_newest_run_counts_in_both_orders() {
    for old_first in [true, false] {
        let (mut kit, first, id) = leased();
        kit.fail(first, id, 1, ErrorType::Captcha);
        let (_, second) = kit.connected();
        assert_eq!(kit.lease(id).session, second);
        let old = input(first, id, Some(1), completed());
        let new = input(second, id, Some(2), completed());
        if old_first {
            assert_eq!(kit.step(vec![old, new]), [STALE, NEW].map(Ok));
        } else {
            assert_eq!(kit.step(vec![new, old]), [NEW, STALE].map(Ok));
        }
        assert_eq!(kit.outcomes(id), [Outcome::Failed, Outcome::Completed]);
        let failed_again = kit.fail(first, id, 1, ErrorType::Captcha);
        assert_eq!(failed_again, AGAIN, "what was accepted of it stays accepted");
    }
}

#[test]
fn what_a_worker_never_held_is_not_assigned() {
    let (mut kit, first, id) = leased();
    let (_, stranger) = kit.connected();
    for run in [Some(Run(1)), Some(Run(2)), None] {
        assert_eq!(kit.report(stranger, id, run, completed()), NOT_ASSIGNED, "{run:?}");
    }
    assert_eq!(kit.report(stranger, TaskId::NIL, None, completed()), NOT_ASSIGNED);
    let waiting = kit.submit_fresh(vec![task("b.example", 10), task("b.example", 10)])[1];
    assert_eq!(kit.report(first, waiting, None, completed()), NOT_ASSIGNED);
    assert_eq!(kit.complete(first, id, 2), NOT_ASSIGNED, "a guessed run");
    assert_eq!(kit.complete(first, id, 1), NEW);
}

#[test]
fn a_session_that_is_not_known_changes_nothing() {
    let (mut kit, _, id) = leased();
    let before = kit.commits.len();
    for word in [Word::Started, completed(), Word::failed(ErrorType::Network)] {
        assert_eq!(kit.report(SessionId::NIL, id, Some(Run(1)), word), UNKNOWN);
    }
    let nobody = SessionId::NIL;
    let beat = crate::kit::heartbeat(nobody, Default::default(), None);
    assert_eq!(kit.ask(Input::Heartbeat(beat)), Ok(UNKNOWN));
    assert_eq!(kit.ask(Input::Draining { session: nobody }), Ok(UNKNOWN));
    let (reason, suggested_action) = (String::new(), String::new());
    assert_eq!(kit.ask(Input::BlockDetected { session: nobody, reason, suggested_action }), Ok(UNKNOWN));
    assert_eq!(kit.ask(Input::NetworkChanged { session: nobody, to: Default::default() }), Ok(UNKNOWN));
    assert_eq!(kit.commits.len(), before);
}

#[test]
fn a_report_without_a_run_counts_for_what_its_worker_holds() {
    let (mut kit, session, id) = leased();
    assert_eq!(kit.report(session, id, None, Word::Started), NEW);
    assert_eq!(kit.report(session, id, None, Word::failed(ErrorType::Network)), NEW);
    kit.until_leased(id);
    assert_eq!(kit.lease(id).progress.run, Run(2));
    assert_eq!(kit.report(session, id, None, completed()), NEW);
    let outcomes = kit.outcomes(id);
    assert_eq!(outcomes, [Outcome::Failed, Outcome::Completed]);
}

#[test]
fn an_end_needs_no_start() {
    let (mut kit, session, id) = leased();
    assert_eq!(kit.complete(session, id, 1), NEW);
    assert_eq!(kit.store.runs[&id][0].started_at, None);
}

#[test]
fn the_words_of_refusals() {
    let words = [Refusal::Stale, Refusal::UnknownSession, Refusal::NotAssigned].map(Refusal::as_str);
    assert_eq!(words, ["stale", "stale", "not_assigned"]);
}
