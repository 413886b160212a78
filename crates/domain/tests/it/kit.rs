//! A leader's memory with a store that applies every commit at once: tests speak of tasks and workers.

use crate::simulation::store::SimStore;
use std::sync::Arc;
use std::time::Duration;
use ukai_domain::scheduler::{
    Connect, Effects, Identity, Input, JobRef, NewTask, Push, PushMessage, Query, Reply, Report, State,
    Submit, WhyView, Word, faults, step,
};
use ukai_domain::{
    Code, ErrorType, GatewayId, JobId, JobKind, Rejection, Run, RunResult, SessionId, Settings, TaskId,
    Timestamp, WorkerId,
};
use uuid::Uuid;

pub(crate) const GATEWAY: GatewayId = GatewayId(Uuid::from_u128(0xA));

/// One leader without failures.
pub(crate) struct Kit {
    pub(crate) state: State,
    pub(crate) store: SimStore,
    pub(crate) now: Timestamp,
    /// Every push so far, oldest first.
    pub(crate) pushes: Vec<Push>,
    sessions: u128,
}

impl Kit {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let mut store = SimStore::default();
        let epoch = store.take_over();
        let now = Timestamp(1_800_000_000_000);
        let state = State::load(settings.clone(), store.load(epoch, &settings), 1, now);
        Self { state, store, now, pushes: Vec::new(), sessions: 0 }
    }

    /// One step with these inputs and its commit; then steps until no background work is left.
    pub(crate) fn step(&mut self, inputs: Vec<Input>) -> Vec<Result<Reply, Rejection>> {
        let tagged: Vec<_> = inputs.into_iter().enumerate().map(|(n, i)| (n as u64, i)).collect();
        let effects = self.step_once(tagged);
        let mut rounds = 0;
        while self.state.has_background_work() {
            self.step_once(Vec::new());
            rounds += 1;
            assert!(rounds < 10_000, "background work without an end");
        }
        effects.replies.into_iter().map(|(_, reply)| reply).collect()
    }

    fn step_once(&mut self, inputs: Vec<(u64, Input)>) -> Effects {
        let prefetched = self.store.prefetch(&self.state, &inputs);
        let done = step(&mut self.state, inputs, prefetched, self.now);
        if !done.commit.is_empty() {
            self.store.apply(&done.commit).unwrap();
        }
        assert_eq!(faults(&self.state), Vec::<String>::new());
        self.store.check();
        self.pushes.extend(done.effects.pushes.clone());
        done.effects
    }

    pub(crate) fn ask(&mut self, input: Input) -> Result<Reply, Rejection> {
        self.step(vec![input]).pop().unwrap()
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.step(vec![Input::Tick]);
    }

    pub(crate) fn job(&mut self, weight: u32) -> JobId {
        let input =
            Input::CreateJob { name: "job".to_owned(), kind: JobKind::Scrape, weight, idempotency: None };
        match self.ask(input).unwrap() {
            Reply::Job(job, _) => job.id,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn submit(&mut self, job: JobId, tasks: Vec<NewTask>) -> Vec<TaskId> {
        let submit = Submit { job: JobRef::Existing(job), tasks, idempotency: None };
        match self.ask(Input::Submit(submit)).unwrap() {
            Reply::Submitted { tasks, .. } => tasks,
            other => panic!("{other:?}"),
        }
    }

    /// A worker with a token, not connected.
    pub(crate) fn worker(&mut self) -> WorkerId {
        let n = self.store.workers.len();
        let input = Input::CreateWorker {
            name: format!("w{n}"),
            token_hash: format!("{n:064x}"),
            token_prefix: format!("{n:016}"),
            idempotency: None,
        };
        match self.ask(input).unwrap() {
            Reply::Worker(view) => view.row.id,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn connect(&mut self, worker: WorkerId, in_flight: Option<Vec<(TaskId, Run)>>) -> SessionId {
        self.sessions += 1;
        let session = SessionId(Uuid::from_u128(self.sessions));
        let reply = self.ask(Input::Connect(connect(session, worker, in_flight)));
        assert_eq!(reply, Ok(Reply::Registered(worker)));
        session
    }

    /// A fresh worker that is connected and announces nothing in flight.
    pub(crate) fn connected(&mut self) -> (WorkerId, SessionId) {
        let worker = self.worker();
        let session = self.connect(worker, Some(Vec::new()));
        (worker, session)
    }

    pub(crate) fn report(&mut self, session: SessionId, task: TaskId, run: Option<Run>, word: Word) -> Reply {
        self.ask(Input::Report(Report { session, task, run, word })).unwrap()
    }

    pub(crate) fn complete(&mut self, session: SessionId, task: TaskId, run: u32) -> Reply {
        self.report(session, task, Some(Run(run)), completed())
    }

    pub(crate) fn fail(&mut self, session: SessionId, task: TaskId, run: u32, kind: ErrorType) -> Reply {
        self.report(session, task, Some(Run(run)), Word::failed(kind))
    }

    pub(crate) fn why(&mut self, task: TaskId) -> WhyView {
        match self.ask(Input::Query(Query::Why(task))).unwrap() {
            Reply::Why(view) => *view,
            other => panic!("{other:?}"),
        }
    }

    /// Hand-outs so far: (task, run, session).
    pub(crate) fn handed_out(&self) -> Vec<(TaskId, Run, SessionId)> {
        self.pushes
            .iter()
            .filter_map(|push| match &push.message {
                PushMessage::Assigned { body, run, .. } => Some((body.id, *run, push.session)),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn last_handed_out(&self) -> (TaskId, Run, SessionId) {
        *self.handed_out().last().expect("something was handed out")
    }

    pub(crate) fn code(&mut self, input: Input) -> Option<Code> {
        self.ask(input).err().map(|rejection| rejection.code)
    }
}

pub(crate) fn connect(
    session: SessionId,
    worker: WorkerId,
    in_flight: Option<Vec<(TaskId, Run)>>,
) -> Connect {
    Connect {
        session,
        gateway: GATEWAY,
        identity: Identity::Worker(worker),
        capacity: 1,
        capabilities: Vec::new(),
        in_flight,
    }
}

pub(crate) fn completed() -> Word {
    Word::Completed(RunResult { result: "{}".to_owned(), metrics: None, extra: None, items: 1 })
}

pub(crate) fn task(host: &str, priority: u8) -> NewTask {
    NewTask {
        kind: Arc::from("scrape"),
        url: format!("https://{host}/"),
        host: Arc::from(host),
        priority,
        max_attempts: 3,
        timeout_ms: None,
        options: None,
        not_before: None,
    }
}

pub(crate) fn tasks(n: usize, host: &str, priority: u8) -> Vec<NewTask> {
    vec![task(host, priority); n]
}
