//! The whole gateway: its routes and its tasks.

use crate::admission::{Door, admit};
use crate::auth::Authenticator;
use crate::closing::{self, Manner};
use crate::config::Config;
use crate::metrics::Metrics;
use crate::shared::Shared;
use crate::{batcher, connect, departing, heartbeats, pushes, reach, revocations, turning_away};
use axum::middleware::from_fn_with_state;
use socketioxide::{ParserConfig, SocketIo};
use std::sync::Arc;
use std::time::Duration;
use ukai_boot::{Health, Registry, Shutdown};
use ukai_bus::{Bus, BusError, gateway_subject};
use ukai_domain::GatewayId;
use ukai_store::Reads;

/// Bytes of one message and one frame of a socket, and of one polling request.
const MAX_MESSAGE: usize = 1 << 20;
/// What every socket reads into, and holds while it is idle: a heartbeat fits, for a larger message it grows until that is
/// read. The reads from the kernel are larger: [`crate::upgrade`].
const READ_BUFFER: usize = 512;
/// Attachments of one packet that are read at all, to be refused politely.
const MAX_ATTACHMENTS: usize = 8;
/// A body of a polling request must make progress.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// One start of one gateway.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
    routes: axum::Router,
}

impl Gateway {
    /// Wires it up; nothing runs before [`Gateway::run`].
    pub fn new(config: Config, bus: Arc<dyn Bus>, reads: Arc<dyn Reads>, registry: &mut Registry) -> Self {
        let config = Config { tracer: config.tracer.of("ukai-gateway"), ..config };
        let auth = Authenticator::new(config.enroll_token.as_deref(), reads, &config.limits);
        let id = GatewayId(uuid::Uuid::now_v7());
        let shared = Arc::new(Shared::new(id, config, bus, auth, Metrics::new(registry)));
        let limits = &shared.config.limits;
        let parser = ParserConfig::common()
            .max_incoming_binaries(MAX_ATTACHMENTS)
            .max_incoming_binary_buf_size(MAX_MESSAGE)
            .packet_completion_timeout(Duration::from_secs(10));
        let builder = SocketIo::builder()
            .with_parser(parser)
            .max_buffer_size(limits.socket_buffer)
            .max_payload(MAX_MESSAGE as u64)
            .ws_read_buffer_size(READ_BUFFER)
            .ws_max_message_size(MAX_MESSAGE)
            .ws_max_frame_size(MAX_MESSAGE)
            .ping_interval(limits.ping_interval)
            .ping_timeout(limits.ping_timeout)
            .connect_timeout(limits.connect_timeout);
        let (engine, io) = builder.build_with_inner_svc(axum::Router::new());
        connect::register(&io, &shared);
        // Set once, here.
        let _ = shared.engine.set(engine.clone());
        let routes = axum::Router::new()
            .route_service("/socket.io", engine.clone())
            .route_service("/socket.io/", engine)
            .layer(tower_http::timeout::RequestBodyTimeoutLayer::new(BODY_TIMEOUT))
            .layer(from_fn_with_state(Arc::new(Door::new(Arc::clone(&shared))), admit));
        Self { shared, routes }
    }

    /// Its identity: where the leader's pushes go.
    #[must_use]
    pub fn id(&self) -> GatewayId {
        self.shared.id
    }

    /// Tells `health` from now on whether the bus reaches this gateway, as [`crate::HEALTH_PART`].
    pub fn report_health(&self, health: Health) {
        self.shared.report_health(health);
    }

    /// `/socket.io/`, to be merged into a router that [`crate::serve`] serves.
    pub fn routes(&self) -> axum::Router {
        self.routes.clone()
    }

    /// Whether a leader has acknowledged this gateway and answers it, now and from now on. Without anything to tell a leader
    /// nobody is asked.
    #[must_use]
    pub fn acknowledged(&self) -> tokio::sync::watch::Receiver<bool> {
        self.shared.acknowledged.subscribe()
    }

    /// How many workers are connected.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.shared.sessions.all().len()
    }

    /// Sends the workers to other gateways, if there are any, before [`Gateway::run`] is told to stop: each at its own
    /// turn, and new ones not at all. Returns when the last was told.
    pub async fn depart(&self) {
        departing::run(&self.shared).await;
    }

    /// Runs until the stop signal; then every transport is closed, so that the workers come back elsewhere, and what
    /// they said before still reaches the leader.
    ///
    /// # Errors
    /// The bus can't serve this gateway's subject.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), BusError> {
        let shared = self.shared;
        let requests = shared.bus.serve(&gateway_subject(&shared.id.to_string())).await?;
        let (_, _, _, outcome, _, _, _) = tokio::join!(
            pushes::run(Arc::clone(&shared), requests, shutdown.clone()),
            heartbeats::run(Arc::clone(&shared), shutdown.clone()),
            batcher::run(Arc::clone(&shared), shutdown.clone()),
            reach::run(Arc::clone(&shared), shutdown.clone()),
            turning_away::run(Arc::clone(&shared), shutdown.clone()),
            revocations::run(Arc::clone(&shared), shutdown.clone()),
            close_all(shared, shutdown),
        );
        outcome
    }
}

async fn close_all(shared: Arc<Shared>, shutdown: Shutdown) {
    shutdown.stopping().await;
    for session in shared.sessions.all() {
        closing::end(&shared, &session, Manner::Close, "stopping");
    }
}

#[cfg(test)]
mod tests;
