//! Operators register, configure, look at and delete workers; workers tell of their network.

use crate::kit::{Kit, heartbeat, seconds, task};
use ukai_domain::scheduler::{Input, PushMessage, Refusal, Reply};
use ukai_domain::{
    Code, Event, NetworkInfo, Outcome, RateLimit, ReportedStatus, Run, WorkerConfig, WorkerId, WorkerStats,
};

fn configure(kit: &mut Kit, worker: WorkerId, min: u32, max: u32) -> Option<Code> {
    let rate_limit = Some(RateLimit { min_delay_ms: min, max_delay_ms: max });
    kit.code(Input::ConfigureWorker { worker, config: WorkerConfig { rate_limit, headless: None } })
}

#[test]
fn a_deleted_worker_is_dropped_and_its_tasks_are_handed_back_uncounted() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let id = kit.one(task("a.example", 50));
    kit.start(id);
    kit.ask(Input::DeleteWorker { worker }).unwrap();
    assert_eq!(kit.dropped(session), Some(Code::AuthFailed));
    assert_eq!((kit.place_word(id), kit.outcomes(id)), ("ready", vec![Outcome::HandedBack]));
    assert!(!kit.store.workers.contains_key(&worker));
    assert_eq!(kit.complete(session, id, 1), Reply::Refused(Refusal::UnknownSession));
    let (_, refused) = kit.open(worker, |_| {});
    assert_eq!(refused.unwrap_err().code, Code::AuthFailed);
    assert_eq!(kit.code(Input::DeleteWorker { worker }), Some(Code::WorkerNotFound));
    kit.connected();
    assert_eq!((kit.lease(id).progress.run, kit.attempts(id)), (Run(2), vec![1, 1]));
}

#[test]
fn a_config_is_pushed_merged_and_sent_again_after_each_registration() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    assert_eq!(configure(&mut kit, worker, 100, 200), None);
    let config = WorkerConfig { rate_limit: None, headless: Some(false) };
    kit.ask(Input::ConfigureWorker { worker, config }).unwrap();
    let updates =
        kit.pushes.iter().filter(|p| matches!(p.message, PushMessage::ConfigUpdate { reset: false, .. }));
    assert_eq!(updates.filter(|push| push.session == session).count(), 2);
    kit.take_over();
    let session = kit.connect(worker, Some(Vec::new()));
    let sent =
        kit.pushes.iter().filter(|push| push.session == session).find_map(|push| match &push.message {
            PushMessage::Registered { config, .. } => Some(config.clone()),
            _ => None,
        });
    let rate_limit = Some(RateLimit { min_delay_ms: 100, max_delay_ms: 200 });
    assert_eq!(sent, Some(WorkerConfig { rate_limit, headless: Some(false) }));
    let id = kit.one(task("a.example", 50));
    assert_eq!(kit.lease(id).deadline.since(kit.now).as_millis(), 15_200, "its longest pause and the slack");
    assert_eq!(configure(&mut kit, worker, 300, 200), Some(Code::InvalidPayload));
    assert_eq!(configure(&mut kit, WorkerId::NIL, 1, 2), Some(Code::WorkerNotFound));
}

#[test]
fn a_change_of_network_is_an_event_and_not_knowing_is_none() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let at = |ip: &str| NetworkInfo { external_ip: ip.to_owned(), ..NetworkInfo::default() };
    for ip in ["", "192.0.2.1", "192.0.2.1", "", "192.0.2.2"] {
        let mut beat = heartbeat(session, ReportedStatus::Idle, None);
        beat.network = at(ip);
        kit.ask(Input::Heartbeat(beat)).unwrap();
    }
    kit.ask(Input::NetworkChanged { session, to: at("192.0.2.3") }).unwrap();
    let changes: Vec<_> = kit
        .events()
        .into_iter()
        .filter_map(|event| match event {
            Event::WorkerNetworkChanged { from, to, .. } => Some((from.external_ip, to.external_ip)),
            _ => None,
        })
        .collect();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(changes, [pair("192.0.2.1", "192.0.2.2"), pair("192.0.2.2", "192.0.2.3")]);
    assert_eq!(kit.store.workers[&worker].network.external_ip, "192.0.2.3");
}

#[test]
fn heartbeats_are_written_once_a_minute() {
    let mut kit = Kit::new();
    let (worker, session) = kit.connected();
    let before = kit.commits.len();
    for n in 1..=12 {
        kit.pass(seconds(10));
        let mut beat = heartbeat(session, ReportedStatus::Idle, None);
        beat.stats = WorkerStats { tasks_completed: n, ..WorkerStats::default() };
        kit.ask(Input::Heartbeat(beat)).unwrap();
        assert_eq!(kit.view(worker).row.stats.tasks_completed, n, "shown at once");
    }
    assert_eq!(kit.commits.len(), before + 2);
    assert_eq!(kit.view(worker).row.last_heartbeat_at, Some(kit.now));
}

#[test]
fn a_worker_shows_the_page_that_it_began_last() {
    let mut kit = Kit::new();
    let look = |kit: &mut Kit, worker| kit.ask(Input::ScreenshotWorker { worker });
    let refused = |kit: &mut Kit, worker, why: &str| {
        let rejection = look(kit, worker).unwrap_err();
        assert_eq!(rejection.code, Code::Conflict);
        assert!(rejection.message.ends_with(why), "{}", rejection.message);
    };
    assert_eq!(kit.code(Input::ScreenshotWorker { worker: WorkerId::NIL }), Some(Code::WorkerNotFound));
    let worker = kit.worker();
    refused(&mut kit, worker, "is disconnected");
    let (session, opened) = kit.open(worker, |connect| connect.capacity = 3);
    opened.unwrap();
    refused(&mut kit, worker, "has no page open");
    let first = kit.one(task("a.example", 50));
    refused(&mut kit, worker, "has no page open");
    let second = kit.one(task("b.example", 50));
    for task in [second, first] {
        kit.pass(seconds(1));
        kit.start(task);
        let commits = kit.commits.len();
        assert_eq!(look(&mut kit, worker).unwrap(), Reply::Shown { task, run: Run(1) });
        assert_eq!(kit.commits.len(), commits, "nothing is stored");
    }
    let asked: Vec<_> = kit
        .pushes
        .iter()
        .filter_map(|push| match push.message {
            PushMessage::Screenshot { task, run } => Some((push.session, task, run)),
            _ => None,
        })
        .collect();
    assert_eq!(asked, [(session, second, Run(1)), (session, first, Run(1))]);
    kit.complete(session, first, 1);
    assert_eq!(look(&mut kit, worker).unwrap(), Reply::Shown { task: second, run: Run(1) });
    kit.disconnect(session);
    refused(&mut kit, worker, "is disconnected");
}
