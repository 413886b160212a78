//! The gRPC port: what other processes call.

use crate::grpc::Commands;
use std::time::Duration;
use tokio::net::TcpListener;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use ukai_boot::Shutdown;
use ukai_boot::trace::{ServedSpansLayer, Tracer};
use ukai_rpc::Guard;
use ukai_rpc::v1::scheduler_server::SchedulerServer;

/// A peer that answers no ping in time is gone.
const PING_EVERY: Duration = Duration::from_secs(10);
const PONG_WITHIN: Duration = Duration::from_secs(5);
/// Connections are closed in order after this long, so that callers spread over what runs now.
const CONNECTION_AGE: Duration = Duration::from_secs(300);
/// How long calls on them may still take.
const CONNECTION_GRACE: Duration = Duration::from_secs(30);

/// Serves calls that `guard` lets through until the stop signal and the end of the calls that are open.
///
/// # Errors
/// The transport's.
pub async fn serve(
    listener: TcpListener,
    service: SchedulerServer<Commands>,
    guard: Guard,
    tracer: Tracer,
    stop: Shutdown,
) -> anyhow::Result<()> {
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true)).with_keepalive(Some(PING_EVERY));
    Server::builder()
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(PONG_WITHIN))
        .http2_adaptive_window(Some(true))
        .max_connection_age(CONNECTION_AGE)
        .max_connection_age_grace(CONNECTION_GRACE)
        .layer(ServedSpansLayer(tracer.of("ukai-scheduler")))
        .add_service(InterceptedService::new(service, guard))
        .serve_with_incoming_shutdown(incoming, async move { stop.stopping().await })
        .await?;
    Ok(())
}
