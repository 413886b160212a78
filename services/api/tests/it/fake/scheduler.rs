//! The leader's gRPC service.

use super::Shared;
use super::world::{NOW, World};
use prost::Message;
use tonic::{Request, Response, Status};
use ukai_domain::scheduler::{HostView, QueueView, WhyView};
use ukai_domain::{
    ArtifactId, Code, DoneStatus, JobId, JobStatus, Rejection, Run, RunError, TaskId, Timestamp,
    WorkerConfig, WorkerId,
};
use ukai_rpc::v1::submit_tasks_request::Job;
use ukai_rpc::v1::{self, scheduler_server::Scheduler};
use ukai_rpc::{status_from_rejection, to_new_job, to_submit};
use ukai_store::{ArtifactRow, TaskStatus};

#[derive(Clone)]
pub(crate) struct FakeScheduler(pub(crate) Shared);

type Answer<T> = Result<Response<T>, Status>;

fn refuse(code: Code, message: &str) -> Status {
    status_from_rejection(&Rejection::new(code, message))
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("a view has a JSON form")
}

impl FakeScheduler {
    async fn read<T>(&self, read: impl FnOnce(&mut World) -> Result<T, Status>) -> Answer<T> {
        if self.0.lock().expect("no test panicked").silent {
            std::future::pending::<()>().await;
        }
        let mut world = self.0.lock().expect("no test panicked");
        if world.leaderless {
            return Err(ukai_rpc::unavailable("standing by"));
        }
        read(&mut world).map(Response::new)
    }

    /// A command: a repeat gives the remembered reply, another body under the same key is a conflict.
    async fn command<T: Message + Default>(
        &self,
        idempotency: Option<v1::Idempotency>,
        secret: bool,
        command: impl FnOnce(&mut World) -> Result<T, Status>,
    ) -> Answer<T> {
        self.read(|world| {
            let key = idempotency.map(|i| ((i.principal, i.route, i.key), i.body_hash));
            if let Some((hash, reply)) = key.as_ref().and_then(|(key, _)| world.replies.get(key)) {
                if key.as_ref().is_some_and(|(_, mine)| mine != hash) {
                    return Err(refuse(Code::Conflict, "the Idempotency-Key came with another body"));
                }
                if secret {
                    return Err(refuse(Code::Conflict, "the worker was made before"));
                }
                return Ok(T::decode(reply.as_slice()).expect("own bytes"));
            }
            let reply = command(world)?;
            world.writes += 1;
            if let Some((key, hash)) = key {
                world.replies.insert(key, (hash, reply.encode_to_vec()));
            }
            Ok(reply)
        })
        .await
    }
}

fn task_id(bytes: &[u8]) -> TaskId {
    TaskId::from_slice(bytes).expect("16 bytes")
}

fn worker<'w>(
    world: &'w mut World,
    bytes: &[u8],
) -> Result<&'w mut ukai_domain::scheduler::WorkerView, Status> {
    let id = WorkerId::from_slice(bytes).expect("16 bytes");
    world.workers.get_mut(&id).ok_or_else(|| refuse(Code::WorkerNotFound, "no such worker"))
}

/// As the leader judges: whose run it is, and whether by a token of its own.
fn holds(world: &World, run: &v1::RunRequest) -> Result<(), Status> {
    let worker = WorkerId::from_slice(&run.worker).expect("16 bytes");
    let known = world.workers.get(&worker).is_some_and(|view| view.row.token_hash.is_none() == run.enrolled);
    let task = world.tasks.get(&task_id(&run.task));
    let live = task.filter(|row| {
        matches!(row.status, TaskStatus::Assigned | TaskStatus::Running) && row.progress.run == Run(run.run)
    });
    match live {
        Some(row) if known && row.worker == Some(worker) => Ok(()),
        Some(_) => Err(refuse(Code::Forbidden, "the run is not this worker's")),
        None => Err(refuse(Code::Conflict, "the run is not under way")),
    }
}

fn task_of(world: &mut World, id: TaskId) -> Result<&mut ukai_store::TaskRow, Status> {
    world.tasks.get_mut(&id).ok_or_else(|| refuse(Code::TaskNotFound, "no such task"))
}

#[tonic::async_trait]
impl Scheduler for FakeScheduler {
    async fn submit_tasks(
        &self,
        request: Request<v1::SubmitTasksRequest>,
    ) -> Answer<v1::SubmitTasksResponse> {
        let request = request.into_inner();
        self.command(request.idempotency.clone(), false, |world| {
            world.last_submission = Some(request.clone());
            let submit =
                to_submit(request.clone()).map_err(|e| refuse(Code::InvalidPayload, &e.to_string()))?;
            let job = match request.job.expect("a job") {
                Job::Existing(id) => {
                    let id = JobId::from_slice(&id).expect("16 bytes");
                    let (job, _) =
                        world.jobs.get(&id).ok_or_else(|| refuse(Code::JobNotFound, "no such job"))?;
                    if job.status == JobStatus::Cancelled {
                        return Err(refuse(Code::Conflict, "the job is cancelled"));
                    }
                    id
                }
                Job::New(new) => world.add_new_job(to_new_job(new).expect("a valid job")),
                Job::Implicit(implicit) => {
                    let id = JobId::from_slice(&implicit.id).expect("16 bytes");
                    if !world.jobs.contains_key(&id) {
                        world.put_job(id, &implicit.name, ukai_domain::JobKind::Scrape, 1, true);
                    }
                    id
                }
            };
            let tasks = submit.tasks.iter().map(|task| {
                let id = world.add_task(job, &task.url, TaskStatus::Pending);
                let row = world.tasks.get_mut(&id).expect("just made");
                (row.body.priority, row.body.max_attempts) = (task.priority, task.max_attempts);
                (row.body.options, row.not_before) = (task.options.clone(), task.not_before);
                id.as_bytes().to_vec()
            });
            let tasks = tasks.collect();
            Ok(v1::SubmitTasksResponse { job: job.as_bytes().to_vec(), tasks, created_at: NOW.0 })
        })
        .await
    }

    async fn create_job(&self, request: Request<v1::CreateJobRequest>) -> Answer<v1::JobResponse> {
        let request = request.into_inner();
        self.command(request.idempotency, false, |world| {
            let new = to_new_job(request.job.expect("a job")).expect("a valid job");
            let id = world.add_new_job(new);
            let (job, counts) = &world.jobs[&id];
            Ok(v1::JobResponse { job: json(job), counts: json(counts) })
        })
        .await
    }

    async fn control_job(&self, request: Request<v1::ControlJobRequest>) -> Answer<v1::JobResponse> {
        let request = request.into_inner();
        let action = request.action();
        let id = JobId::from_slice(&request.job).expect("16 bytes");
        self.command(request.idempotency, false, |world| {
            let (job, counts) =
                world.jobs.get_mut(&id).ok_or_else(|| refuse(Code::JobNotFound, "no such job"))?;
            if action == v1::JobAction::Delete {
                world.jobs.remove(&id);
                return Ok(v1::JobResponse::default());
            }
            if job.status.is_terminal() {
                return Err(refuse(Code::Conflict, "the job has ended"));
            }
            job.status = match action {
                v1::JobAction::Pause => JobStatus::Paused,
                v1::JobAction::Resume => JobStatus::Running,
                v1::JobAction::Cancel | v1::JobAction::Delete => JobStatus::Cancelled,
            };
            Ok(v1::JobResponse { job: json(job), counts: json(counts) })
        })
        .await
    }

    async fn cancel_task(&self, request: Request<v1::TaskRequest>) -> Answer<v1::TaskResponse> {
        let request = request.into_inner();
        self.command(request.idempotency, false, |world| {
            let row = task_of(world, task_id(&request.task))?;
            if matches!(row.status, TaskStatus::Done(_)) {
                return Err(refuse(Code::Conflict, "the task has ended"));
            }
            row.status = TaskStatus::Done(DoneStatus::Cancelled);
            row.finished_at = Some(NOW);
            Ok(v1::TaskResponse { task: request.task })
        })
        .await
    }

    async fn retry_task(&self, request: Request<v1::TaskRequest>) -> Answer<v1::TaskResponse> {
        let request = request.into_inner();
        self.command(request.idempotency, false, |world| {
            let row = task_of(world, task_id(&request.task))?;
            match row.status {
                TaskStatus::Done(DoneStatus::Failed | DoneStatus::Cancelled) => {}
                _ => return Err(refuse(Code::Conflict, "the task neither failed nor was cancelled")),
            }
            row.status = TaskStatus::Pending;
            row.progress.attempts = 0;
            row.finished_at = None;
            Ok(v1::TaskResponse { task: request.task })
        })
        .await
    }

    async fn purge_task(&self, request: Request<v1::TaskRequest>) -> Answer<v1::TaskResponse> {
        let request = request.into_inner();
        self.command(request.idempotency, false, |world| {
            let id = task_id(&request.task);
            if !matches!(task_of(world, id)?.status, TaskStatus::Done(_)) {
                return Err(refuse(Code::Conflict, "the task has not ended"));
            }
            world.tasks.remove(&id);
            Ok(v1::TaskResponse { task: request.task })
        })
        .await
    }

    async fn create_worker(&self, request: Request<v1::CreateWorkerRequest>) -> Answer<v1::WorkerResponse> {
        let request = request.into_inner();
        self.command(request.idempotency.clone(), true, |world| {
            world.last_worker = Some(request.clone());
            let id = world.add_worker(&request.name, "disconnected");
            Ok(v1::WorkerResponse { worker: json(&world.workers[&id]) })
        })
        .await
    }

    async fn delete_worker(&self, request: Request<v1::WorkerRequest>) -> Answer<v1::WorkerResponse> {
        let request = request.into_inner();
        self.command(request.idempotency, false, |world| {
            let id = worker(world, &request.worker)?.row.id;
            world.workers.remove(&id);
            Ok(v1::WorkerResponse::default())
        })
        .await
    }

    async fn reset_worker(&self, request: Request<v1::WorkerRequest>) -> Answer<v1::WorkerResponse> {
        let request = request.into_inner();
        self.command(request.idempotency, false, |world| {
            let view = worker(world, &request.worker)?;
            if !view.row.blocked {
                return Err(refuse(Code::Conflict, "the worker isn't blocked"));
            }
            view.row.blocked = false;
            view.status = "idle".to_owned();
            Ok(v1::WorkerResponse { worker: json(view) })
        })
        .await
    }

    async fn screenshot_worker(&self, request: Request<v1::WorkerRequest>) -> Answer<v1::ScreenshotResponse> {
        let bytes = request.into_inner().worker;
        self.read(|world| {
            let view = worker(world, &bytes)?;
            if !view.connected {
                return Err(refuse(Code::Conflict, "the worker is disconnected"));
            }
            let Some(task) = view.current_tasks.first().copied() else {
                return Err(refuse(Code::Conflict, "the worker has no page open"));
            };
            world.looks += 1;
            let run = task_of(world, task)?.progress.run.0;
            Ok(v1::ScreenshotResponse { task: task.as_bytes().to_vec(), run })
        })
        .await
    }

    async fn configure_worker(
        &self,
        request: Request<v1::ConfigureWorkerRequest>,
    ) -> Answer<v1::WorkerResponse> {
        let request = request.into_inner();
        self.command(None, false, |world| {
            let config: WorkerConfig = serde_json::from_str(&request.config).expect("a config");
            let view = worker(world, &request.worker)?;
            view.row.config.headless = config.headless.or(view.row.config.headless);
            view.row.config.rate_limit = config.rate_limit.or(view.row.config.rate_limit);
            Ok(v1::WorkerResponse { worker: json(view) })
        })
        .await
    }

    async fn set_host(&self, request: Request<v1::SetHostRequest>) -> Answer<v1::HostResponse> {
        let request = request.into_inner();
        self.command(None, false, |world| {
            let view = HostView {
                host: request.host.clone(),
                min_interval_ms: request.min_interval_ms,
                max_concurrency: request.max_concurrency,
                running: 0,
                cooldown_until: None,
            };
            world.hosts.insert(request.host, view.clone());
            Ok(v1::HostResponse { host: json(&view) })
        })
        .await
    }

    async fn get_host(&self, request: Request<v1::GetHostRequest>) -> Answer<v1::HostResponse> {
        let host = request.into_inner().host;
        self.read(|world| {
            let unlimited = HostView {
                host: host.clone(),
                min_interval_ms: 0,
                max_concurrency: 0,
                running: 0,
                cooldown_until: Some(NOW),
            };
            Ok(v1::HostResponse { host: json(world.hosts.get(&host).unwrap_or(&unlimited)) })
        })
        .await
    }

    async fn get_queue(&self, _request: Request<v1::GetQueueRequest>) -> Answer<v1::DocumentResponse> {
        self.read(|world| {
            let jobs = world.jobs.values().map(|(job, counts)| (job.id, job.name.clone(), *counts)).collect();
            let view = QueueView {
                total: world.total(),
                jobs,
                depth: vec![("scrape".to_owned(), world.total().ready)],
                oldest_ready: Some(ukai_domain::Timestamp(NOW.0 - 1_500)),
                workers: 2,
                free_slots: 1,
                slots: 2,
            };
            Ok(v1::DocumentResponse { document: json(&view) })
        })
        .await
    }

    async fn why_task(&self, request: Request<v1::TaskRequest>) -> Answer<v1::DocumentResponse> {
        let id = task_id(&request.into_inner().task);
        self.read(|world| {
            let row = task_of(world, id)?;
            let view = WhyView {
                state: row.status.as_str().to_owned(),
                reason: "all_busy".to_owned(),
                since: Some(NOW),
                until: None,
                details: serde_json::json!({ "workers": 2 }),
            };
            Ok(v1::DocumentResponse { document: json(&view) })
        })
        .await
    }

    async fn get_worker(&self, request: Request<v1::WorkerRequest>) -> Answer<v1::WorkerResponse> {
        let bytes = request.into_inner().worker;
        self.read(|world| Ok(v1::WorkerResponse { worker: json(worker(world, &bytes)?) })).await
    }

    async fn list_workers(
        &self,
        request: Request<v1::ListWorkersRequest>,
    ) -> Answer<v1::ListWorkersResponse> {
        let v1::ListWorkersRequest { page, limit } = request.into_inner();
        self.read(|world| {
            let offset = ((page - 1) * limit) as usize;
            let workers = world.workers.values().rev().skip(offset).take(limit as usize).map(json).collect();
            Ok(v1::ListWorkersResponse { workers, total: world.workers.len() as u64 })
        })
        .await
    }

    async fn check_run(&self, request: Request<v1::RunRequest>) -> Answer<v1::RunResponse> {
        self.read(|world| holds(world, &request.into_inner()).map(|()| v1::RunResponse {})).await
    }

    async fn put_artifact(&self, request: Request<v1::PutArtifactRequest>) -> Answer<v1::RunResponse> {
        let request = request.into_inner();
        self.read(|world| {
            let run = request.run.clone().expect("a run");
            holds(world, &run)?;
            let row = ArtifactRow {
                id: ArtifactId::from_slice(&request.id).expect("16 bytes"),
                task: task_id(&run.task),
                run: Run(run.run),
                worker: WorkerId::from_slice(&run.worker).expect("16 bytes"),
                kind: request.kind,
                name: request.name,
                content_type: request.content_type,
                size: request.size,
                sha256: request.sha256,
                width: request.width,
                height: request.height,
                thumbnail: request.thumbnail,
                created_at: Timestamp(request.created_at),
            };
            if !world.artifacts.iter().any(|known| known.id == row.id) {
                world.artifacts.push(row);
            }
            Ok(v1::RunResponse {})
        })
        .await
    }

    async fn report_lost(&self, _request: Request<v1::ReportLostRequest>) -> Answer<v1::ReportLostResponse> {
        Err(Status::unimplemented("no judge here"))
    }

    async fn probe(&self, _request: Request<v1::ProbeRequest>) -> Answer<v1::ProbeResponse> {
        self.read(|_| Ok(v1::ProbeResponse {})).await
    }
}

/// A run's error, for rows that failed.
pub(crate) fn captcha() -> RunError {
    RunError { kind: ukai_domain::ErrorType::Captcha, message: "a challenge".to_owned(), details: None }
}
