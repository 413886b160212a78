//! A leader's memory with a store that applies every commit at once: tests speak of tasks and workers.

use crate::simulation::store::SimStore;
use std::sync::Arc;
use std::time::Duration;
use ukai_domain::scheduler::{
    Commit, Connect, Effects, Heartbeat, HostPolicy, Identity, Input, JobAction, JobRef, NewTask, Push,
    PushMessage, Query, QueueView, Reply, Report, State, Submit, WhyView, Word, WorkerView, faults, step,
};
use ukai_domain::{
    Code, Counts, Done, ErrorType, Event, GatewayId, Job, JobId, JobKind, JobStatus, Lease, NetworkInfo,
    Outcome, Place, Rejection, ReportedStatus, Run, RunResult, SessionId, Settings, TaskId, Timestamp,
    WorkerId, WorkerStats,
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
    /// Every commit so far, oldest first.
    pub(crate) commits: Vec<Commit>,
    settings: Settings,
    sessions: u128,
    /// Whether everything is compared after each step: too slow for thousands of tasks.
    checked: bool,
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
        let (pushes, commits) = (Vec::new(), Vec::new());
        Self { state, store, now, pushes, commits, settings, sessions: 0, checked: true }
    }

    /// Without the comparisons after each step; [`Kit::check`] makes them once.
    pub(crate) fn unchecked(settings: Settings) -> Self {
        Self { checked: false, ..Self::with(settings) }
    }

    pub(crate) fn check(&self) {
        assert_eq!(faults(&self.state), Vec::<String>::new());
        self.store.check();
        self.store.compare_readings(&self.state);
    }

    /// Another leader loads what was stored.
    pub(crate) fn take_over(&mut self) {
        let epoch = self.store.take_over();
        self.state = State::load(self.settings.clone(), self.store.load(epoch, &self.settings), 2, self.now);
        self.check();
    }

    /// The same leader loads its memory again, as after a commit that failed.
    pub(crate) fn reload(&mut self) {
        let (epoch, settings) = (self.state.epoch(), self.settings.clone());
        let loaded = State::load(settings.clone(), self.store.load(epoch, &settings), 3, self.now);
        let broken = std::mem::replace(&mut self.state, loaded);
        self.state.continue_from(&broken);
        self.step(self.state.readopt(&broken));
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

    /// One step alone: background work stays for later.
    pub(crate) fn step_once(&mut self, inputs: Vec<(u64, Input)>) -> Effects {
        let prefetched = self.store.prefetch(&self.state, &inputs);
        let done = step(&mut self.state, inputs, prefetched, self.now);
        if !done.commit.is_empty() {
            self.store.apply(&done.commit).unwrap();
            self.commits.push(done.commit);
        }
        if self.checked {
            self.check();
        }
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
        let input = Input::CreateJob {
            name: "job".to_owned(),
            kind: JobKind::Scrape,
            weight,
            crawl: None,
            idempotency: None,
        };
        match self.ask(input).unwrap() {
            Reply::Job(job, _) => job.id,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn submit(&mut self, job: JobId, tasks: Vec<NewTask>) -> Vec<TaskId> {
        let submit = Submit { job: JobRef::Existing(job), tasks, idempotency: None, trace: None };
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

    /// Tasks in a job of their own.
    pub(crate) fn submit_fresh(&mut self, new: Vec<NewTask>) -> Vec<TaskId> {
        let job = self.job(1);
        self.submit(job, new)
    }

    /// A task in a job of its own.
    pub(crate) fn one(&mut self, new: NewTask) -> TaskId {
        let job = self.job(1);
        self.submit(job, vec![new])[0]
    }

    /// A connection with all that it says of itself.
    pub(crate) fn open(
        &mut self,
        worker: WorkerId,
        change: impl FnOnce(&mut Connect),
    ) -> (SessionId, Result<Reply, Rejection>) {
        self.sessions += 1;
        let session = SessionId(Uuid::from_u128(self.sessions));
        let mut connect = connect(session, worker, Some(Vec::new()));
        change(&mut connect);
        (session, self.ask(Input::Connect(connect)))
    }

    pub(crate) fn disconnect(&mut self, session: SessionId) {
        self.ask(Input::Disconnect { session, reason: "closed".to_owned() }).unwrap();
    }

    pub(crate) fn beat(
        &mut self,
        session: SessionId,
        status: ReportedStatus,
        current_task: Option<TaskId>,
    ) -> Reply {
        self.ask(Input::Heartbeat(heartbeat(session, status, current_task))).unwrap()
    }

    pub(crate) fn idle(&mut self, session: SessionId) {
        assert_eq!(self.beat(session, ReportedStatus::Idle, None), Reply::Ok);
    }

    pub(crate) fn confirm(&mut self, task: TaskId) {
        let run = self.lease(task).progress.run;
        self.ask(Input::PushConfirmed { leases: vec![(task, run)] }).unwrap();
    }

    pub(crate) fn start(&mut self, task: TaskId) {
        let lease = self.lease(task);
        let reply = self.report(lease.session, task, Some(lease.progress.run), Word::Started);
        assert_eq!(reply, Reply::Accepted { duplicate: false });
    }

    pub(crate) fn host(&mut self, host: &str, min_interval_ms: u32, max_concurrency: u32) {
        let policy = HostPolicy { host: Arc::from(host), min_interval_ms, max_concurrency };
        self.ask(Input::SetHost(policy)).unwrap();
    }

    pub(crate) fn control(&mut self, job: JobId, action: JobAction) -> Result<Reply, Rejection> {
        self.ask(Input::ControlJob { job, action, idempotency: None })
    }

    pub(crate) fn place(&self, task: TaskId) -> &Place {
        self.store.places.get(&task).expect("the task exists")
    }

    /// `ready`, `delayed`, `leased`, `completed`, `failed`, `cancelled` or `gone`.
    pub(crate) fn place_word(&self, task: TaskId) -> &'static str {
        match self.store.places.get(&task) {
            None => "gone",
            Some(Place::Ready(_)) => "ready",
            Some(Place::Delayed(..)) => "delayed",
            Some(Place::Leased(_)) => "leased",
            Some(Place::Done(done)) => done.status.as_str(),
        }
    }

    pub(crate) fn lease(&self, task: TaskId) -> Lease {
        match self.place(task) {
            Place::Leased(lease) => lease.clone(),
            other => panic!("{task} isn't leased: {other:?}"),
        }
    }

    pub(crate) fn done(&self, task: TaskId) -> Done {
        self.place(task).clone().into_done().expect("the task has ended")
    }

    /// How its runs ended, oldest first.
    pub(crate) fn outcomes(&self, task: TaskId) -> Vec<Outcome> {
        self.store.runs.get(&task).into_iter().flatten().map(|run| run.outcome).collect()
    }

    pub(crate) fn job_row(&self, job: JobId) -> &Job {
        self.store.jobs.get(&job).expect("the job exists")
    }

    pub(crate) fn job_status(&self, job: JobId) -> JobStatus {
        self.job_row(job).status
    }

    pub(crate) fn counts(&mut self, job: JobId) -> Counts {
        let view = self.queue();
        view.jobs.iter().find(|(id, _, _)| *id == job).map(|(_, _, counts)| *counts).unwrap_or_default()
    }

    pub(crate) fn queue(&mut self) -> QueueView {
        match self.ask(Input::Query(Query::Queue)).unwrap() {
            Reply::Queue(view) => *view,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn view(&mut self, worker: WorkerId) -> WorkerView {
        match self.ask(Input::Query(Query::Worker(worker))).unwrap() {
            Reply::Worker(view) => *view,
            other => panic!("{other:?}"),
        }
    }

    /// With which code the session was closed from here.
    pub(crate) fn dropped(&self, session: SessionId) -> Option<Code> {
        self.pushes.iter().filter(|push| push.session == session).find_map(|push| match &push.message {
            PushMessage::Drop { code, .. } => Some(*code),
            _ => None,
        })
    }

    /// Runs that the session was told to stop.
    pub(crate) fn told_to_stop(&self, session: SessionId) -> Vec<(TaskId, Run)> {
        let cancelled = |push: &Push| match &push.message {
            PushMessage::Cancelled { task, run, .. } => Some((*task, *run)),
            _ => None,
        };
        self.pushes.iter().filter(|push| push.session == session).filter_map(cancelled).collect()
    }

    /// Attempt numbers as they went over the wire.
    pub(crate) fn attempts(&self, of: TaskId) -> Vec<u8> {
        let attempt = |push: &Push| match &push.message {
            PushMessage::Assigned { body, attempt, .. } if body.id == of => Some(*attempt),
            _ => None,
        };
        self.pushes.iter().filter_map(attempt).collect()
    }

    /// All events so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.commits.iter().flat_map(|c| &c.events).flat_map(|row| row.events.clone()).collect()
    }

    pub(crate) fn events_of(&self, task: TaskId) -> Vec<Event> {
        self.events().into_iter().filter(|event| event.task() == Some(task)).collect()
    }

    /// Lets time pass from timer to timer until the task is with a worker.
    pub(crate) fn until_leased(&mut self, task: TaskId) {
        for _ in 0..50 {
            if matches!(self.place(task), Place::Leased(_)) {
                return;
            }
            let at = self.state.next_timer().expect("something is due");
            self.pass(at.since(self.now));
        }
        panic!("{task} was never handed out: {:?}", self.place(task));
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

pub(crate) fn heartbeat(
    session: SessionId,
    status: ReportedStatus,
    current_task: Option<TaskId>,
) -> Heartbeat {
    let (network, stats) = (NetworkInfo::default(), WorkerStats::default());
    Heartbeat { session, status, current_task, network, stats }
}

pub(crate) const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
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
