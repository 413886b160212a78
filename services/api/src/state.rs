//! What the routes answer from, given by whoever composes the process.

use crate::artifacts::Enrolment;
use crate::auth::{AuthMode, Authenticator};
use crate::metrics::ApiMetrics;
use std::sync::Arc;
use std::time::Duration;
use ukai_artifacts::Artifacts;
use ukai_boot::Health;
use ukai_boot::trace::Tracer;
use ukai_domain::Timestamp;
use ukai_rpc::Scheduler;
use ukai_store::Reads;

/// Reads the wall clock; only for the `timestamp` of errors and the age in `GET /api/queue`.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Everything that the routes need.
#[derive(Clone)]
pub struct ApiState {
    /// The store's reading side.
    pub reads: Arc<dyn Reads>,
    /// The way to the leader, by [`ukai_rpc::scheduler_over`].
    pub scheduler: Scheduler,
    /// Whether keys are asked for.
    pub auth: AuthMode,
    /// The wall clock.
    pub clock: Clock,
    /// Where workers' files are kept.
    pub artifacts: Artifacts,
    /// The token with which workers register themselves, if there is one: they bring files with it too.
    pub enroll_token: Option<String>,
    /// Bounds of requests.
    pub limits: Limits,
    /// Counts requests; registered by [`ApiMetrics::register`].
    pub metrics: ApiMetrics,
    /// `/healthz`, `/readyz` and `/metrics` of the process, where this router shall serve them.
    pub health: Option<Health>,
    /// Begins spans.
    pub tracer: Tracer,
}

/// Bounds of requests.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a body.
    pub body: usize,
    /// Bytes of a batch's body.
    pub batch_body: usize,
    /// Tasks of a batch.
    pub batch_tasks: usize,
    /// How long a body may take to arrive.
    pub body_time: Duration,
    /// How deep JSON may nest.
    pub json_depth: usize,
    /// How long a call of the scheduler may take before the answer is 503.
    pub call: Duration,
    /// How long a worker may take to show its page.
    pub picture: Duration,
    /// How long an accepted key is remembered; a revocation works at most this much later.
    pub remember_key: Duration,
    /// Whether targets may be literal private or loopback addresses or `localhost`.
    pub allow_private_targets: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            batch_body: 32 << 20,
            batch_tasks: 10_000,
            body_time: Duration::from_secs(30),
            json_depth: 32,
            call: Duration::from_secs(3),
            picture: Duration::from_secs(10),
            remember_key: Duration::from_secs(1),
            allow_private_targets: false,
        }
    }
}

/// The state as the handlers share it.
pub(crate) type App = Arc<AppState>;

/// [`ApiState`] with what the routes make of it.
pub(crate) struct AppState {
    pub(crate) reads: Arc<dyn Reads>,
    pub(crate) scheduler: Scheduler,
    pub(crate) authenticator: Authenticator,
    pub(crate) clock: Clock,
    pub(crate) artifacts: Artifacts,
    pub(crate) enrolment: Enrolment,
    pub(crate) limits: Limits,
    pub(crate) metrics: ApiMetrics,
    pub(crate) tracer: Tracer,
}

impl AppState {
    pub(crate) fn new(state: ApiState) -> (App, Option<Health>) {
        let ApiState {
            reads,
            scheduler,
            auth,
            clock,
            artifacts,
            enroll_token,
            limits,
            metrics,
            health,
            tracer,
        } = state;
        let enrolment = Enrolment::new(enroll_token.as_deref());
        let authenticator = Authenticator::new(auth, Arc::clone(&reads), limits.remember_key);
        let state =
            Self { reads, scheduler, authenticator, clock, artifacts, enrolment, limits, metrics, tracer };
        (Arc::new(state), health)
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }
}
