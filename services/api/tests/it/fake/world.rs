//! What the fakes share.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use ukai_domain::scheduler::{HostView, WorkerView};
use ukai_domain::{
    Counts, DoneStatus, Event, EventRow, Job, JobId, JobKind, JobStatus, LaneKey, Progress, Run, TaskBody,
    TaskId, Timestamp, WorkerConfig, WorkerId, WorkerRow,
};
use ukai_store::{ApiKeyRow, ArtifactRow, TaskRow, TaskStatus};
use uuid::Uuid;

pub(crate) type Shared = Arc<Mutex<World>>;

/// 2026-02-01T12:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp(1_769_947_200_000);

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) tasks: BTreeMap<TaskId, TaskRow>,
    pub(crate) jobs: BTreeMap<JobId, (Job, Counts)>,
    pub(crate) workers: BTreeMap<WorkerId, WorkerView>,
    pub(crate) hosts: BTreeMap<String, HostView>,
    pub(crate) events: Vec<EventRow>,
    pub(crate) keys: Vec<ApiKeyRow>,
    pub(crate) artifacts: Vec<ArtifactRow>,
    /// (principal, route, key) → (body hash, encoded reply).
    pub(crate) replies: HashMap<(String, String, String), (String, Vec<u8>)>,
    /// Commands that changed something.
    pub(crate) writes: u64,
    /// Look-ups of keys.
    pub(crate) key_reads: u64,
    /// The last submission as it arrived.
    pub(crate) last_submission: Option<ukai_rpc::v1::SubmitTasksRequest>,
    /// The last new worker as it arrived.
    pub(crate) last_worker: Option<ukai_rpc::v1::CreateWorkerRequest>,
    /// Pictures of open pages that were asked for.
    pub(crate) looks: u64,
    /// No scheduler leads.
    pub(crate) leaderless: bool,
    /// The scheduler never answers.
    pub(crate) silent: bool,
    /// The store can't be reached.
    pub(crate) store_down: bool,
    ids: u128,
}

impl World {
    pub(crate) fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128((0x0190_0000_0000_7000_8000_0000_0000_0000) + self.ids)
    }

    pub(crate) fn add_job(&mut self, name: &str, kind: JobKind, weight: u32) -> JobId {
        let id = JobId(self.id());
        self.put_job(id, name, kind, weight, false);
        id
    }

    /// As the scheduler makes it of a request.
    pub(crate) fn add_new_job(&mut self, new: ukai_rpc::NewJob) -> JobId {
        let id = self.add_job(&new.name, new.kind, new.weight);
        let job = &mut self.jobs.get_mut(&id).expect("just made").0;
        job.crawl =
            new.crawl.map(|rules| Box::new(ukai_domain::Crawl { rules, ..ukai_domain::Crawl::default() }));
        id
    }

    pub(crate) fn put_job(&mut self, id: JobId, name: &str, kind: JobKind, weight: u32, implicit: bool) {
        let job = Job {
            id,
            name: name.to_owned(),
            kind,
            status: JobStatus::Pending,
            weight,
            implicit,
            deleting: false,
            created_at: NOW,
            started_at: None,
            completed_at: None,
            error: None,
            crawl: None,
        };
        self.jobs.insert(id, (job, Counts::default()));
        self.event(id, Event::JobCreated { name: name.to_owned(), kind: kind.as_str().to_owned() });
    }

    pub(crate) fn add_task(&mut self, job: JobId, url: &str, status: TaskStatus) -> TaskId {
        let id = TaskId(self.id());
        let host = url.split('/').nth(2).unwrap_or_default();
        let body = TaskBody {
            id,
            job,
            lane: LaneKey { kind: "scrape".into(), host: host.into() },
            url: url.to_owned(),
            priority: 50,
            max_attempts: 3,
            timeout_ms: None,
            options: None,
            depth: 0,
            created_at: NOW,
            trace: None,
        };
        let handed_out = status != TaskStatus::Pending;
        let row = TaskRow {
            body,
            progress: Progress { run: Run(u32::from(handed_out)), ..Progress::default() },
            status,
            worker: None,
            not_before: None,
            assigned_at: handed_out.then_some(NOW),
            started_at: None,
            finished_at: matches!(status, TaskStatus::Done(_)).then_some(NOW),
            deadline: None,
            result: None,
            error: None,
            runs: Vec::new(),
        };
        self.tasks.insert(id, row);
        let counts = &mut self.jobs.get_mut(&job).expect("the job exists").1;
        counts.submitted += 1;
        match status {
            TaskStatus::Pending => counts.ready += 1,
            TaskStatus::Assigned | TaskStatus::Running => counts.leased += 1,
            TaskStatus::Done(DoneStatus::Completed) => counts.completed += 1,
            TaskStatus::Done(DoneStatus::Failed) => counts.failed += 1,
            TaskStatus::Done(DoneStatus::Cancelled) => counts.cancelled += 1,
        }
        self.event(
            job,
            Event::TaskCreated { task: id, url: url.to_owned(), priority: 50, kind: "scrape".to_owned() },
        );
        id
    }

    pub(crate) fn add_worker(&mut self, name: &str, status: &str) -> WorkerId {
        let id = WorkerId(self.id());
        let row = WorkerRow {
            id,
            name: name.to_owned(),
            token_hash: None,
            token_prefix: None,
            blocked: status == "blocked",
            blocked_reason: (status == "blocked").then(|| "captcha".to_owned()),
            capabilities: vec!["scrape".to_owned()],
            capacity: 1,
            config: WorkerConfig::default(),
            network: Default::default(),
            stats: Default::default(),
            last_heartbeat_at: None,
            connected_at: None,
            created_at: NOW,
        };
        let view = WorkerView {
            row,
            status: status.to_owned(),
            connected: status != "disconnected",
            current_tasks: Vec::new(),
            stuck: false,
            last_error: None,
        };
        self.workers.insert(id, view);
        self.event(JobId::NIL, Event::WorkerCreated { worker: id, name: name.to_owned() });
        id
    }

    pub(crate) fn event(&mut self, job: JobId, event: Event) {
        let first = self.events.last().map_or(1, |row| row.last() + 1);
        self.events.push(EventRow { first, job, at: NOW, events: vec![event] });
    }

    pub(crate) fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.jobs.values().for_each(|(_, counts)| total.add(counts));
        total
    }

    /// Everything that a command could change, as text.
    pub(crate) fn fingerprint(&self) -> String {
        format!(
            "{} {:?} {:?} {:?} {:?} {:?}",
            self.writes, self.tasks, self.jobs, self.workers, self.hosts, self.events
        )
    }
}
