//! The commands over gRPC: each translates to one input and its reply back.

mod artifact;
mod reply;

use crate::inbox::{Inbox, Unanswered};
use crate::standing::Standing;
use reply::{document, host_response, job_response, refuse, task_response, worker_response};
use std::sync::Arc;
use std::time::Duration;
use tonic::{Request, Response, Status};
use ukai_boot::trace::Parent;
use ukai_domain::scheduler::{HostPolicy, Input, JobAction, Query, Reply, Submit};
use ukai_domain::{Code, JobId, Rejection, SessionId, TaskId, WorkerConfig, WorkerId};
use ukai_rpc::v1::{self, scheduler_server};
use ukai_rpc::{Malformed, standing_by, status_from_rejection, unavailable};
use ukai_store::Store;

/// A command waits this long for a leader and its commit.
const WAIT: Duration = Duration::from_secs(3);
const NOBODY_LEADS: &str = "no scheduler leads right now, try again";

/// What a command does while this process stands by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// It waits: there is no other scheduler that it could go to.
    Wait,
    /// It goes elsewhere at once.
    Refuse,
}

/// The service; it only translates.
#[derive(Clone)]
pub struct Commands {
    inbox: Inbox,
    standing: Standing,
    patience: Patience,
    /// For rows that no rule of the queue reads: they are written between commits.
    store: Arc<dyn Store>,
}

impl Commands {
    pub(crate) fn new(inbox: Inbox, standing: Standing, patience: Patience, store: Arc<dyn Store>) -> Self {
        Self { inbox, standing, patience, store }
    }

    async fn ask(&self, mut input: Input) -> Result<Reply, Status> {
        let until = tokio::time::Instant::now() + WAIT;
        loop {
            if self.patience == Patience::Refuse {
                self.leads()?;
            }
            match tokio::time::timeout_at(until, self.inbox.ask(input)).await {
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(Unanswered::Refused(rejection))) => return Err(status_from_rejection(&rejection)),
                Ok(Err(Unanswered::NotTaken(back))) => match self.patience {
                    Patience::Wait => input = *back,
                    Patience::Refuse => return Err(standing_by(self.standing.leader().as_deref())),
                },
                Ok(Err(Unanswered::Unknown)) | Err(_) => return Err(unavailable(NOBODY_LEADS)),
            }
        }
    }

    fn leads(&self) -> Result<(), Status> {
        if self.standing.is_leading() {
            return Ok(());
        }
        Err(standing_by(self.standing.leader().as_deref()))
    }
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl scheduler_server::Scheduler for Commands {
    async fn submit_tasks(
        &self,
        request: Request<v1::SubmitTasksRequest>,
    ) -> Answer<v1::SubmitTasksResponse> {
        // The tasks are handed out later: they keep this call's place in its trace.
        let trace = request.extensions().get::<Parent>().map(|Parent(place)| place.clone());
        let submit = ukai_rpc::to_submit(request.into_inner()).map_err(refuse)?;
        let submit = Submit { trace, ..submit };
        match self.ask(Input::Submit(submit)).await? {
            Reply::Submitted { job, tasks, created_at } => Ok(Response::new(v1::SubmitTasksResponse {
                job: job.as_bytes().to_vec(),
                tasks: tasks.iter().map(|t| t.as_bytes().to_vec()).collect(),
                created_at: created_at.0,
            })),
            _ => Err(reply::unexpected()),
        }
    }

    async fn create_job(&self, request: Request<v1::CreateJobRequest>) -> Answer<v1::JobResponse> {
        let request = request.into_inner();
        let job = request.job.ok_or(Malformed("job")).map_err(refuse)?;
        let ukai_rpc::NewJob { name, kind, weight, crawl } = ukai_rpc::to_new_job(job).map_err(refuse)?;
        let idempotency = request.idempotency.map(ukai_rpc::idempotency);
        job_response(self.ask(Input::CreateJob { name, kind, weight, crawl, idempotency }).await?)
    }

    async fn control_job(&self, request: Request<v1::ControlJobRequest>) -> Answer<v1::JobResponse> {
        let request = request.into_inner();
        let action = match request.action() {
            v1::JobAction::Pause => JobAction::Pause,
            v1::JobAction::Resume => JobAction::Resume,
            v1::JobAction::Cancel => JobAction::Cancel,
            v1::JobAction::Delete => JobAction::Delete,
        };
        let job = JobId::from_slice(&request.job).ok_or(Malformed("job id")).map_err(refuse)?;
        let idempotency = request.idempotency.map(ukai_rpc::idempotency);
        job_response(self.ask(Input::ControlJob { job, action, idempotency }).await?)
    }

    async fn cancel_task(&self, request: Request<v1::TaskRequest>) -> Answer<v1::TaskResponse> {
        let task = task(&request.into_inner().task)?;
        task_response(self.ask(Input::CancelTask { task }).await?)
    }

    async fn retry_task(&self, request: Request<v1::TaskRequest>) -> Answer<v1::TaskResponse> {
        let request = request.into_inner();
        let input = Input::RetryTask {
            task: task(&request.task)?,
            idempotency: request.idempotency.map(ukai_rpc::idempotency),
        };
        task_response(self.ask(input).await?)
    }

    async fn purge_task(&self, request: Request<v1::TaskRequest>) -> Answer<v1::TaskResponse> {
        let task = task(&request.into_inner().task)?;
        task_response(self.ask(Input::PurgeTask { task }).await?)
    }

    async fn create_worker(&self, request: Request<v1::CreateWorkerRequest>) -> Answer<v1::WorkerResponse> {
        let request = request.into_inner();
        let input = Input::CreateWorker {
            name: request.name,
            token_hash: request.token_hash,
            token_prefix: request.token_prefix,
            idempotency: request.idempotency.map(ukai_rpc::idempotency),
        };
        worker_response(self.ask(input).await?)
    }

    async fn delete_worker(&self, request: Request<v1::WorkerRequest>) -> Answer<v1::WorkerResponse> {
        let worker = worker(&request.into_inner().worker)?;
        worker_response(self.ask(Input::DeleteWorker { worker }).await?)
    }

    async fn reset_worker(&self, request: Request<v1::WorkerRequest>) -> Answer<v1::WorkerResponse> {
        let request = request.into_inner();
        let idempotency = request.idempotency.map(ukai_rpc::idempotency);
        worker_response(self.ask(Input::ResetWorker { worker: worker(&request.worker)?, idempotency }).await?)
    }

    async fn screenshot_worker(&self, request: Request<v1::WorkerRequest>) -> Answer<v1::ScreenshotResponse> {
        let worker = worker(&request.into_inner().worker)?;
        match self.ask(Input::ScreenshotWorker { worker }).await? {
            Reply::Shown { task, run } => {
                Ok(Response::new(v1::ScreenshotResponse { task: task.as_bytes().to_vec(), run: run.0 }))
            }
            _ => Err(reply::unexpected()),
        }
    }

    async fn configure_worker(
        &self,
        request: Request<v1::ConfigureWorkerRequest>,
    ) -> Answer<v1::WorkerResponse> {
        let request = request.into_inner();
        let config: WorkerConfig =
            serde_json::from_str(&request.config).map_err(|_| refuse(Malformed("worker config")))?;
        let worker = worker(&request.worker)?;
        worker_response(self.ask(Input::ConfigureWorker { worker, config }).await?)
    }

    async fn set_host(&self, request: Request<v1::SetHostRequest>) -> Answer<v1::HostResponse> {
        let request = request.into_inner();
        let policy = HostPolicy {
            host: request.host.into(),
            min_interval_ms: request.min_interval_ms,
            max_concurrency: request.max_concurrency,
        };
        host_response(self.ask(Input::SetHost(policy)).await?)
    }

    async fn get_host(&self, request: Request<v1::GetHostRequest>) -> Answer<v1::HostResponse> {
        host_response(self.ask(Input::Query(Query::Host(request.into_inner().host.into()))).await?)
    }

    async fn get_queue(&self, _request: Request<v1::GetQueueRequest>) -> Answer<v1::DocumentResponse> {
        match self.ask(Input::Query(Query::Queue)).await? {
            Reply::Queue(view) => document(&view),
            _ => Err(reply::unexpected()),
        }
    }

    async fn why_task(&self, request: Request<v1::TaskRequest>) -> Answer<v1::DocumentResponse> {
        match self.ask(Input::Query(Query::Why(task(&request.into_inner().task)?))).await? {
            Reply::Why(view) => document(&view),
            _ => Err(reply::unexpected()),
        }
    }

    async fn get_worker(&self, request: Request<v1::WorkerRequest>) -> Answer<v1::WorkerResponse> {
        let worker = worker(&request.into_inner().worker)?;
        worker_response(self.ask(Input::Query(Query::Worker(worker))).await?)
    }

    async fn list_workers(
        &self,
        request: Request<v1::ListWorkersRequest>,
    ) -> Answer<v1::ListWorkersResponse> {
        let request = request.into_inner();
        let query = Query::Workers { page: request.page, limit: request.limit };
        match self.ask(Input::Query(query)).await? {
            Reply::Workers(views, total) => {
                let workers = views.iter().map(reply::json).collect::<Result<_, _>>()?;
                Ok(Response::new(v1::ListWorkersResponse { workers, total }))
            }
            _ => Err(reply::unexpected()),
        }
    }

    async fn check_run(&self, request: Request<v1::RunRequest>) -> Answer<v1::RunResponse> {
        self.ask(artifact::holds(&request.into_inner())?).await?;
        Ok(Response::new(v1::RunResponse {}))
    }

    async fn put_artifact(&self, request: Request<v1::PutArtifactRequest>) -> Answer<v1::RunResponse> {
        let request = request.into_inner();
        let run = request.run.clone().ok_or(Malformed("run")).map_err(refuse)?;
        let row = artifact::row(&run, request)?;
        // Only who leads gets an answer, and only for a run that is under way.
        self.ask(artifact::holds(&run)?).await?;
        artifact::put(&*self.store, row).await?;
        Ok(Response::new(v1::RunResponse {}))
    }

    async fn report_lost(&self, request: Request<v1::ReportLostRequest>) -> Answer<v1::ReportLostResponse> {
        let request = request.into_inner();
        let session =
            SessionId::from_slice(&request.session).ok_or(Malformed("session id")).map_err(refuse)?;
        let silent_for = Duration::from_millis(request.silent_for_ms);
        self.ask(Input::ReportLost { session, silent_for }).await?;
        Ok(Response::new(v1::ReportLostResponse {}))
    }

    async fn probe(&self, _request: Request<v1::ProbeRequest>) -> Answer<v1::ProbeResponse> {
        self.leads()?;
        Ok(Response::new(v1::ProbeResponse {}))
    }
}

fn task(bytes: &[u8]) -> Result<TaskId, Status> {
    TaskId::from_slice(bytes)
        .ok_or_else(|| status_from_rejection(&Rejection::new(Code::TaskNotFound, "there is no such task")))
}

fn worker(bytes: &[u8]) -> Result<WorkerId, Status> {
    WorkerId::from_slice(bytes).ok_or_else(|| {
        status_from_rejection(&Rejection::new(Code::WorkerNotFound, "there is no such worker"))
    })
}
