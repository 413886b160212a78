//! Absurd values at the core's door: nothing panics, and every check still holds.

use crate::kit::{GATEWAY, Kit, heartbeat, seconds, task, tasks};
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use ukai_domain::scheduler::{
    Connect, HostPolicy, IdempotencyKey, Identity, Input, JobAction, JobRef, MAX_BATCH, NewTask, Query,
    Reply, Report, Submit, Word,
};
use ukai_domain::{
    Code, ErrorType, JobId, JobKind, NetworkInfo, RateLimit, ReportedStatus, Run, RunError, RunResult,
    SessionId, TaskId, Timestamp, WorkerConfig, WorkerId, WorkerStats,
};
use uuid::Uuid;

#[test]
fn a_capacity_beyond_reason_is_bounded() {
    let mut kit = Kit::new();
    for (capacity, slots) in [(u32::MAX, 64), (0, 1)] {
        let worker = kit.worker();
        kit.open(worker, |c| c.capacity = capacity).1.unwrap();
        assert_eq!(kit.view(worker).row.capacity, slots);
    }
    kit.submit_fresh(tasks(100, "a.example", 50));
    assert_eq!(kit.queue().total.leased, 65);
}

#[test]
fn batches_are_bounded() {
    let mut kit = Kit::new();
    let job = kit.job(1);
    for n in [0, MAX_BATCH + 1] {
        let submit = Submit {
            job: JobRef::Existing(job),
            tasks: tasks(n, "a.example", 50),
            idempotency: None,
            trace: None,
        };
        assert_eq!(kit.code(Input::Submit(submit)), Some(Code::InvalidPayload));
    }
    assert_eq!(kit.queue().total.submitted, 0);
}

#[test]
fn weights_are_bounded() {
    let mut kit = Kit::new();
    let jobs = [kit.job(0), kit.job(u32::MAX)];
    assert_eq!(jobs.map(|job| kit.job_row(job).weight), [1, 1_000]);
}

#[test]
fn the_ends_of_time() {
    for now in [i64::MIN, -1, 0, i64::MAX - 1, i64::MAX] {
        let mut kit = Kit::new();
        kit.now = Timestamp(now);
        let (worker, session) = kit.connected();
        kit.host("a.example", u32::MAX, 0);
        let mut new = tasks(6, "a.example", 50);
        new[1].not_before = Some(Timestamp::MAX);
        new[2].not_before = Some(Timestamp(i64::MIN));
        new[3].timeout_ms = Some(u32::MAX);
        let ids = kit.submit_fresh(new);
        kit.start(ids[0]);
        kit.ask(Input::Heard { sessions: vec![(session, Duration::MAX)] }).unwrap();
        kit.ask(Input::ReportLost { session, silent_for: Duration::MAX }).unwrap();
        kit.pass(Duration::MAX);
        for id in ids {
            kit.why(id);
        }
        kit.view(worker);
        kit.queue();
    }
}

#[test]
fn a_clock_that_steps_back_is_ignored() {
    let mut kit = Kit::new();
    let first = kit.one(task("a.example", 50));
    kit.now = Timestamp(0);
    let second = kit.one(task("a.example", 50));
    assert!(second > first);
    assert_eq!(kit.place(first).body().created_at, kit.place(second).body().created_at);
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("x".repeat(100_000)),
        Just("\u{0}\u{feff}\u{1f600}\"\\\n".to_owned()),
        ".{0,20}",
    ]
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(1), Just(u32::MAX), Just(u32::MAX - 1), any::<u32>()]
}

fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![Just(i64::MIN), Just(0), Just(i64::MAX), Just(1_800_000_000_000_i64), any::<i64>()]
        .prop_map(Timestamp)
}

fn duration() -> impl Strategy<Value = Duration> {
    prop_oneof![Just(Duration::ZERO), Just(Duration::MAX), (0..100_u64).prop_map(seconds)]
}

/// One of few ids, so that inputs meet.
fn id() -> impl Strategy<Value = Uuid> {
    prop_oneof![Just(Uuid::nil()), Just(Uuid::max()), (1..6_u128).prop_map(Uuid::from_u128)]
}

/// Stands for «the n-th that exists».
type Pick = prop::sample::Index;

fn key() -> impl Strategy<Value = Option<IdempotencyKey>> {
    prop::option::of((text(), text()).prop_map(|(key, body_hash)| IdempotencyKey {
        principal: String::new(),
        route: String::new(),
        key,
        body_hash,
    }))
}

fn new_task() -> impl Strategy<Value = NewTask> {
    let times = (prop::option::of(number()), prop::option::of(time()));
    (text(), text(), text(), any::<u8>(), 1..=3_u8, times).prop_map(
        |(kind, url, host, priority, max_attempts, (timeout_ms, not_before))| NewTask {
            kind: match kind.len() {
                0..3 => Arc::from("crawl"),
                3..6 => Arc::from(kind),
                _ => Arc::from("scrape"),
            },
            options: Some(url.clone()),
            url,
            host: Arc::from(host),
            priority,
            max_attempts,
            timeout_ms,
            not_before,
        },
    )
}

/// What came beside a result: links, or something like it.
fn extra() -> impl Strategy<Value = String> {
    let link = prop_oneof![
        text(),
        Just("https://a.example/x".to_owned()),
        (0..9_u8).prop_map(|n| format!("https://a.example/{n}#f")),
    ];
    prop_oneof![
        text(),
        (prop::collection::vec(link, 0..6), any::<u32>())
            .prop_map(|(links, n)| json!({ "links": links, "linksSkipped": { "robots": n } }).to_string()),
        Just(r#"{"links":[1,null,["x"]],"finalUrl":7}"#.to_owned()),
    ]
}

fn word() -> impl Strategy<Value = Word> {
    let error = (prop::sample::select(ErrorType::ALL.to_vec()), text());
    prop_oneof![
        Just(Word::Started),
        (text(), number(), extra()).prop_map(|(result, items, extra)| Word::Completed(RunResult {
            result,
            items,
            extra: Some(extra),
            ..RunResult::default()
        })),
        error.prop_map(|(kind, message)| Word::Failed {
            error: RunError { kind, details: Some(message.clone()), message },
            metrics: None,
        }),
    ]
}

#[derive(Clone, Debug)]
enum Absurd {
    As(Input),
    /// Of a task that exists.
    Task(u8, Pick, Pick, Option<u32>, Word),
    Job(JobAction, Pick),
    Connect(Pick, Connect),
    Worker(u8, Pick, WorkerConfig),
    Time(Timestamp),
    TakeOver,
}

fn absurd() -> impl Strategy<Value = Absurd> {
    let submit = (prop::collection::vec(new_task(), 0..4), text(), number(), key()).prop_map(
        |(tasks, name, weight, idempotency)| {
            let job = JobRef::New {
                name,
                kind: if weight % 2 == 0 { JobKind::Crawl } else { JobKind::Scrape },
                weight,
                crawl: None,
            };
            Input::Submit(Submit { job, tasks, idempotency, trace: None })
        },
    );
    let session = || id().prop_map(SessionId);
    let connect = (any::<Pick>(), session(), number(), prop::collection::vec(text(), 0..3), any::<bool>())
        .prop_map(|(pick, session, capacity, kinds, says)| {
            let capabilities = kinds.into_iter().map(Arc::from).collect();
            let in_flight = says.then(|| vec![(TaskId::NIL, Run(u32::MAX))]);
            let identity = Identity::Worker(WorkerId::NIL);
            Absurd::Connect(
                pick,
                Connect { session, gateway: GATEWAY, identity, capacity, capabilities, in_flight },
            )
        });
    let beat =
        (session(), 0..3_u8, id(), text(), any::<f64>()).prop_map(|(session, status, task, ip, uptime)| {
            let status =
                [ReportedStatus::Idle, ReportedStatus::Busy, ReportedStatus::Blocked][usize::from(status)];
            let mut beat = heartbeat(session, status, Some(TaskId(task)));
            beat.network = NetworkInfo { external_ip: ip, ..NetworkInfo::default() };
            beat.stats = WorkerStats { tasks_completed: u64::MAX, tasks_failed: u64::MAX, uptime };
            Input::Heartbeat(beat)
        });
    let others = prop_oneof![
        (text(), number(), number()).prop_map(|(host, min_interval_ms, max_concurrency)| Input::SetHost(
            HostPolicy { host: Arc::from(host), min_interval_ms, max_concurrency }
        )),
        (text(), number(), key()).prop_map(|(name, weight, idempotency)| Input::CreateJob {
            name,
            kind: JobKind::Crawl,
            weight,
            crawl: None,
            idempotency
        }),
        (session(), duration()).prop_map(|(session, silent_for)| Input::ReportLost { session, silent_for }),
        (session(), duration()).prop_map(|heard| Input::Heard { sessions: vec![heard] }),
        (session(), text()).prop_map(|(session, reason)| Input::Disconnect { session, reason }),
        session().prop_map(|session| Input::Draining { session }),
        (session(), text()).prop_map(|(session, reason)| Input::BlockDetected {
            session,
            suggested_action: reason.clone(),
            reason
        }),
        Just(Input::GatewayLost { gateway: GATEWAY }),
        Just(Input::Announce { gateway: GATEWAY, sessions: Vec::new() }),
        Just(Input::Tick),
        Just(Input::BusLost),
        Just(Input::Resync),
        Just(Input::Stalled),
        (number(), number()).prop_map(|(page, limit)| Input::Query(Query::Workers { page, limit })),
        text().prop_map(|host| Input::Query(Query::Host(Arc::from(host)))),
        id().prop_map(|job| Input::ControlJob {
            job: JobId(job),
            action: JobAction::Cancel,
            idempotency: None
        }),
        (text(), key()).prop_map(|(name, idempotency)| Input::CreateWorker {
            token_hash: name.clone(),
            token_prefix: name.clone(),
            name,
            idempotency
        }),
    ];
    let actions =
        vec![JobAction::Pause, JobAction::Resume, JobAction::Cancel, JobAction::Delete, JobAction::Resume];
    let config = (number(), number()).prop_map(|(min_delay_ms, max_delay_ms)| WorkerConfig {
        rate_limit: Some(RateLimit { min_delay_ms, max_delay_ms }),
        headless: None,
    });
    prop_oneof![
        4 => submit.prop_map(Absurd::As),
        3 => connect,
        3 => beat.prop_map(Absurd::As),
        6 => others.prop_map(Absurd::As),
        8 => (0..8_u8, any::<Pick>(), any::<Pick>(), prop::option::of(number()), word())
            .prop_map(|(what, task, session, run, word)| Absurd::Task(what, task, session, run, word)),
        1 => (prop::sample::select(actions), any::<Pick>()).prop_map(|(action, job)| Absurd::Job(action, job)),
        2 => (0..3_u8, any::<Pick>(), config).prop_map(|(what, at, config)| Absurd::Worker(what, at, config)),
        1 => time().prop_map(Absurd::Time),
        1 => Just(Absurd::TakeOver),
    ]
}

fn pick<T: Copy>(all: impl Iterator<Item = T>, at: Pick) -> Option<T> {
    let all: Vec<T> = all.collect();
    (!all.is_empty()).then(|| *at.get(&all))
}

fn act(kit: &mut Kit, absurd: Absurd) -> Option<Input> {
    Some(match absurd {
        Absurd::As(input) => input,
        Absurd::Task(what, task, session, run, word) => {
            let task = pick(kit.store.places.keys().copied(), task)?;
            let open = kit.state.connections();
            let session = pick(open.iter().map(|c| c.session), session).unwrap_or(SessionId::NIL);
            match what {
                0 => Input::CancelTask { task },
                1 => Input::RetryTask { task, idempotency: None },
                2 => Input::PurgeTask { task },
                3 => Input::Query(Query::Why(task)),
                4 => Input::PushRefused { session, task, run: Run(1) },
                5 => Input::PushConfirmed { leases: vec![(task, Run(run.unwrap_or(1)))] },
                _ => Input::Report(Report { session, task, run: run.map(Run), word }),
            }
        }
        Absurd::Job(action, job) => {
            let job = pick(kit.store.jobs.keys().copied(), job)?;
            Input::ControlJob { job, action, idempotency: None }
        }
        Absurd::Connect(worker, mut connect) => {
            // Gateways make session ids: none is another worker's.
            let worker = pick(kit.store.workers.keys().copied(), worker)?;
            connect.session = SessionId(Uuid::from_u128(worker.0.as_u128() ^ connect.session.0.as_u128()));
            connect.identity = Identity::Worker(worker);
            Input::Connect(connect)
        }
        Absurd::Worker(what, at, config) => {
            let worker = pick(kit.store.workers.keys().copied(), at)?;
            match what {
                0 => Input::ConfigureWorker { worker, config },
                1 => Input::ResetWorker { worker, idempotency: None },
                _ => Input::DeleteWorker { worker },
            }
        }
        Absurd::Time(now) => {
            kit.now = now;
            Input::Tick
        }
        Absurd::TakeOver => {
            kit.take_over();
            return None;
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Every check of the kit holds after each step.
    #[test]
    fn nothing_panics(script in prop::collection::vec(absurd(), 1..60)) {
        let mut kit = Kit::new();
        kit.connected();
        for absurd in script {
            if let Some(input) = act(&mut kit, absurd) {
                let reply = kit.ask(input);
                prop_assert!(!matches!(reply, Ok(Reply::AnnounceFirst)));
            }
        }
    }
}
