//! The retry table through the whole core: which end counts, what comes next and when, when it is given up.

use crate::kit::{Kit, seconds, task};
use ukai_domain::scheduler::{Input, Word};
use ukai_domain::{ErrorType, Event, Outcome, Place, Run, TaskId, Timestamp};

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Reported(ErrorType),
    TimedOut,
    Lost,
    HandedBack,
}

/// Ends the live run, and has its worker back with an empty slot.
fn end(kit: &mut Kit, task: TaskId, end: End) {
    let lease = kit.lease(task);
    let run = lease.progress.run;
    match end {
        End::Reported(kind) => {
            kit.report(lease.session, task, Some(run), Word::failed(kind));
        }
        End::TimedOut => {
            kit.confirm(task);
            kit.pass(lease.deadline.since(kit.now));
            kit.idle(lease.session);
        }
        End::Lost => {
            kit.confirm(task);
            kit.disconnect(lease.session);
            kit.pass(seconds(10));
            kit.connect(lease.worker, Some(Vec::new()));
        }
        End::HandedBack => {
            kit.ask(Input::PushRefused { session: lease.session, task, run }).unwrap();
            kit.connect(lease.worker, Some(Vec::new()));
        }
    }
}

fn with_task(workers: usize, max_attempts: u8) -> (Kit, TaskId) {
    let mut kit = Kit::new();
    for _ in 0..workers {
        kit.connected();
    }
    let mut new = task("a.example", 50);
    new.max_attempts = max_attempts;
    let task = kit.one(new);
    (kit, task)
}

#[test]
fn every_end_that_counts_uses_an_attempt_up() {
    let reported = ErrorType::ALL.map(End::Reported);
    for how in reported.into_iter().chain([End::TimedOut, End::Lost]) {
        for max_attempts in 1..=3 {
            let (mut kit, task) = with_task(2, max_attempts);
            let most = if how == End::Reported(ErrorType::ParseError) { 2 } else { 3 };
            let runs = max_attempts.min(most);
            for n in 1..=runs {
                kit.until_leased(task);
                assert_eq!(kit.lease(task).progress.run, Run(u32::from(n)), "{how:?} {max_attempts}");
                end(&mut kit, task, how);
            }
            assert_eq!(kit.place_word(task), "failed", "{how:?} {max_attempts}");
            assert_eq!(kit.attempts(task), (1..=runs).collect::<Vec<_>>(), "{how:?} {max_attempts}");
            let outcome = match how {
                End::Reported(_) => Outcome::Failed,
                End::TimedOut => Outcome::TimedOut,
                End::Lost => Outcome::Lost,
                End::HandedBack => Outcome::HandedBack,
            };
            assert_eq!(kit.outcomes(task), vec![outcome; usize::from(runs)]);
            let kind = match how {
                End::Reported(kind) => kind,
                End::TimedOut => ErrorType::Timeout,
                End::Lost | End::HandedBack => ErrorType::Network,
            };
            assert_eq!(kit.done(task).error.unwrap().kind, kind);
            assert_eq!(kit.done(task).progress.attempts, runs);
        }
    }
}

#[test]
fn a_hand_back_is_never_counted() {
    let (mut kit, task) = with_task(1, 1);
    for n in 1..=6 {
        kit.until_leased(task);
        assert_eq!(kit.lease(task).progress.run, Run(n));
        end(&mut kit, task, End::HandedBack);
    }
    assert_eq!(kit.attempts(task), [1; 7], "handed out again at once, still the first attempt");
    assert_eq!(kit.outcomes(task), [Outcome::HandedBack; 6]);
    let lease = kit.lease(task);
    kit.complete(lease.session, task, 7);
    assert_eq!(kit.place_word(task), "completed");
}

fn delay(kit: &Kit, task: TaskId, since: Timestamp) -> u128 {
    match kit.place(task) {
        Place::Delayed(_, at) => at.since(since).as_millis(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn network_and_timeouts_wait_two_seconds_and_twice_that_half_of_it_by_chance() {
    let ends = [End::Reported(ErrorType::Network), End::Reported(ErrorType::Timeout), End::TimedOut];
    for how in ends {
        let (mut kit, task) = with_task(2, 3);
        end(&mut kit, task, how);
        let first = delay(&kit, task, kit.now);
        assert!((1_000..=2_000).contains(&first), "{how:?} {first}");
        kit.until_leased(task);
        end(&mut kit, task, how);
        let second = delay(&kit, task, kit.now);
        assert!((2_000..=4_000).contains(&second), "{how:?} {second}");
        let retried = |e: &&Event| matches!(e, Event::TaskRetried { retry_at: Some(_), .. });
        assert_eq!(kit.events_of(task).iter().filter(retried).count(), 2);
    }
}

#[test]
fn a_lost_worker_makes_its_task_ready_at_once() {
    let (mut kit, task) = with_task(2, 3);
    let first = kit.lease(task);
    kit.confirm(task);
    kit.disconnect(first.session);
    kit.pass(seconds(9));
    assert_eq!(kit.lease(task).session, first.session, "the grace isn't over");
    kit.pass(seconds(1));
    let second = kit.lease(task);
    assert_ne!(second.worker, first.worker);
    assert_eq!((second.progress.run, second.progress.losses), (Run(2), 1));
}

#[test]
fn three_lost_workers_are_poison() {
    let (mut kit, task) = with_task(3, 3);
    for _ in 0..3 {
        kit.until_leased(task);
        end(&mut kit, task, End::Lost);
    }
    let done = kit.done(task);
    assert_eq!(done.progress.losses, 3);
    assert_eq!(done.error.unwrap().message, "three workers were lost on this task");
    let failed = kit.events_of(task).into_iter().filter(|e| matches!(e, Event::TaskFailed { .. }));
    assert_eq!(failed.count(), 1);
}

#[test]
fn hand_backs_between_losses_change_nothing() {
    let (mut kit, task) = with_task(2, 3);
    for how in [End::Lost, End::HandedBack, End::Lost, End::HandedBack, End::Lost] {
        kit.until_leased(task);
        end(&mut kit, task, how);
    }
    assert_eq!(kit.place_word(task), "failed");
    assert_eq!(kit.attempts(task), [1, 2, 2, 3, 3]);
}

#[test]
fn a_parse_error_goes_once_more_to_another_worker() {
    let (mut kit, task) = with_task(2, 3);
    let first = kit.lease(task);
    end(&mut kit, task, End::Reported(ErrorType::ParseError));
    let second = kit.lease(task);
    assert_ne!(second.worker, first.worker);
    end(&mut kit, task, End::Reported(ErrorType::ParseError));
    assert_eq!(kit.place_word(task), "failed", "twice is enough, with attempts left");
    assert_eq!(kit.done(task).progress.attempts, 2);
}

#[test]
fn a_parse_error_waits_two_seconds_for_another_worker_then_takes_the_same() {
    let (mut kit, task) = with_task(1, 3);
    let first = kit.lease(task);
    end(&mut kit, task, End::Reported(ErrorType::ParseError));
    assert_eq!(kit.place_word(task), "ready");
    kit.pass(seconds(1));
    assert_eq!(kit.place_word(task), "ready");
    kit.pass(seconds(1));
    assert_eq!(kit.lease(task).worker, first.worker);
}

#[test]
fn a_challenge_or_refusal_goes_to_another_worker_at_once_else_waits_for_the_cool_down() {
    for kind in [ErrorType::Captcha, ErrorType::Blocked] {
        let (mut kit, task) = with_task(2, 3);
        let first = kit.lease(task);
        end(&mut kit, task, End::Reported(kind));
        let second = kit.lease(task);
        assert_ne!(second.worker, first.worker, "{kind:?}");
        end(&mut kit, task, End::Reported(kind));
        assert_eq!(kit.place_word(task), "ready", "both leave the host alone");
        kit.pass(seconds(2));
        assert_eq!(kit.lease(task).progress.run, Run(3));
    }
}

#[test]
fn a_challenged_worker_leaves_only_that_host_alone() {
    let mut kit = Kit::new();
    kit.connected();
    let challenged = kit.one(task("a.example", 50));
    let other = kit.one(task("b.example", 50));
    end(&mut kit, challenged, End::Reported(ErrorType::Captcha));
    assert_eq!(kit.place_word(challenged), "ready");
    assert_eq!(kit.place_word(other), "leased");
}

#[test]
fn challenges_in_a_row_cool_longer_until_a_page_comes_through() {
    let mut kit = Kit::new();
    kit.connected();
    let mut waits = Vec::new();
    for _ in 0..3 {
        let task = kit.one(task("a.example", 50));
        kit.until_leased(task);
        let before = kit.now;
        end(&mut kit, task, End::Reported(ErrorType::Captcha));
        kit.until_leased(task);
        waits.push(kit.now.since(before).as_secs());
        if waits.len() == 2 {
            let lease = kit.lease(task);
            kit.complete(lease.session, task, 2);
        } else {
            kit.ask(Input::CancelTask { task }).unwrap();
            let session = kit.last_handed_out().2;
            kit.idle(session);
        }
    }
    assert_eq!(waits, [2, 4, 2]);
}

#[test]
fn a_parse_error_neither_shortens_nor_lengthens_a_cool_down() {
    let mut kit = Kit::new();
    let worker = kit.worker();
    kit.open(worker, |c| c.capacity = 2).1.unwrap();
    for kind in [ErrorType::Captcha, ErrorType::Captcha] {
        let task = kit.one(task("a.example", 50));
        kit.until_leased(task);
        end(&mut kit, task, End::Reported(kind));
        kit.ask(Input::CancelTask { task }).unwrap();
        kit.pass(seconds(4));
    }
    let (parse, captcha) = (kit.one(task("a.example", 50)), kit.one(task("a.example", 50)));
    let before = kit.now;
    end(&mut kit, captcha, End::Reported(ErrorType::Captcha));
    end(&mut kit, parse, End::Reported(ErrorType::ParseError));
    kit.until_leased(parse);
    assert_eq!(kit.now.since(before), seconds(8), "the third challenge's cool-down");
}
