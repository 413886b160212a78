//! Every command that takes a key answers its repeat as the first time, and does nothing again.

use crate::kit::{Kit, task};
use ukai_domain::scheduler::{IdempotencyKey, Input, JobAction, JobRef, Reply, Submit};
use ukai_domain::{Code, CrawlRules, ErrorType, JobKind};

fn key(body: &str) -> Option<IdempotencyKey> {
    Some(IdempotencyKey {
        principal: "me".to_owned(),
        route: "POST /api/x".to_owned(),
        key: "k".to_owned(),
        body_hash: body.to_owned(),
    })
}

/// The same command twice, in two steps and inside one, and with another body.
fn twice(prepare: impl Fn(&mut Kit) -> Box<dyn Fn(Option<IdempotencyKey>) -> Input>) {
    let mut kit = Kit::new();
    let command = prepare(&mut kit);
    let first = kit.ask(command(key("one"))).unwrap();
    let (commits, events) = (kit.commits.len(), kit.state.last_event());
    assert_eq!(kit.ask(command(key("one"))), Ok(first.clone()));
    assert_eq!(kit.ask(command(key("two"))).unwrap_err().code, Code::Conflict);
    kit.take_over();
    assert_eq!(kit.ask(command(key("one"))), Ok(first), "another leader knows it too");
    assert_eq!((kit.commits.len(), kit.state.last_event()), (commits, events));

    let mut kit = Kit::new();
    let command = prepare(&mut kit);
    let replies = kit.step(vec![command(key("one")), command(key("one")), command(key("two"))]);
    assert!(replies[0].is_ok());
    assert_eq!(replies[0], replies[1]);
    assert_eq!(replies[2].as_ref().unwrap_err().code, Code::Conflict);
    assert_eq!(kit.state.last_event(), events, "the same has happened");
}

#[test]
fn submissions() {
    twice(|_| {
        Box::new(|idempotency| {
            let job = JobRef::New { name: "n".to_owned(), kind: JobKind::Scrape, weight: 1, crawl: None };
            Input::Submit(Submit { job, tasks: vec![task("a.example", 50)], idempotency, trace: None })
        })
    });
}

#[test]
fn new_jobs() {
    twice(|_| {
        Box::new(|idempotency| Input::CreateJob {
            name: "n".to_owned(),
            kind: JobKind::Crawl,
            crawl: Some(CrawlRules::default()),
            weight: 2,
            idempotency,
        })
    });
}

#[test]
fn control_of_jobs() {
    for action in [JobAction::Pause, JobAction::Cancel, JobAction::Delete] {
        twice(|kit| {
            let job = kit.job(1);
            kit.submit(job, vec![task("a.example", 50)]);
            Box::new(move |idempotency| Input::ControlJob { job, action, idempotency })
        });
    }
}

#[test]
fn retries() {
    twice(|kit| {
        let mut new = task("a.example", 50);
        new.max_attempts = 1;
        let (_, session) = kit.connected();
        let task = kit.one(new);
        kit.fail(session, task, 1, ErrorType::Network);
        Box::new(move |idempotency| Input::RetryTask { task, idempotency })
    });
}

#[test]
fn resets() {
    twice(|kit| {
        let (worker, session) = kit.connected();
        let (reason, suggested_action) = (String::new(), String::new());
        kit.ask(Input::BlockDetected { session, reason, suggested_action }).unwrap();
        Box::new(move |idempotency| Input::ResetWorker { worker, idempotency })
    });
}

#[test]
fn a_worker_is_made_once_and_its_repeat_names_it_without_the_token() {
    let mut kit = Kit::new();
    let command = |body: &str| Input::CreateWorker {
        name: "w".to_owned(),
        token_hash: "h".to_owned(),
        token_prefix: "p".to_owned(),
        idempotency: key(body),
    };
    let Reply::Worker(made) = kit.ask(command("one")).unwrap() else { panic!() };
    let again = kit.ask(command("one")).unwrap_err();
    assert_eq!(again.code, Code::Conflict);
    assert!(again.message.contains(&made.row.id.to_string()));
    assert_eq!(kit.ask(command("two")).unwrap_err().code, Code::Conflict);
    assert_eq!(kit.store.workers.len(), 1);
}

#[test]
fn keys_of_others_and_of_other_routes_are_other_keys_and_refusals_are_not_remembered() {
    let mut kit = Kit::new();
    let command = |idempotency| Input::CreateJob {
        name: "n".to_owned(),
        kind: JobKind::Scrape,
        crawl: None,
        weight: 1,
        idempotency,
    };
    let change = |change: fn(&mut IdempotencyKey)| key("one").map(|mut key| (change(&mut key), key).1);
    for key in [
        key("one"),
        change(|k| k.principal = "you".to_owned()),
        change(|k| k.route = "POST /api/y".to_owned()),
        change(|k| k.key = "l".to_owned()),
    ] {
        kit.ask(command(key)).unwrap();
    }
    assert_eq!(kit.store.jobs.len(), 4);
    let mut kit = Kit::new();
    let id = kit.one(task("a.example", 50));
    let retry = |body| Input::RetryTask { task: id, idempotency: key(body) };
    assert_eq!(kit.code(retry("one")), Some(Code::Conflict));
    kit.ask(Input::CancelTask { task: id }).unwrap();
    assert_eq!(kit.ask(retry("one")), Ok(Reply::Task(id)));
}
