//! The generated client over any transport: another process's channel, or the server itself in memory.

use crate::v1::scheduler_client::SchedulerClient;
use tonic::body::Body;
use tonic::codegen::{StdError, http};
use tower::util::BoxCloneSyncService;
use tower::{Service, ServiceExt};

/// Both behind one type.
pub type Transport = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, TransportError>;

/// Why a call did not get through.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TransportError(StdError);

/// The generated client over either.
pub type Scheduler = SchedulerClient<Transport>;

/// The largest message either way; a batch of 10,000 tasks fits. The server must allow as much.
pub const MAX_MESSAGE: usize = 64 << 20;

/// A client over `service`: a `tonic::transport::Channel`, or a `SchedulerServer` for calls in memory.
pub fn scheduler_over<S>(service: S) -> Scheduler
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + Sync + 'static,
    S::Error: Into<StdError> + Send + 'static,
    S::Future: Send + 'static,
{
    SchedulerClient::new(transport(service))
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE)
}

/// Any way to a scheduler behind the one type.
pub(crate) fn transport<S>(service: S) -> Transport
where
    S: Service<http::Request<Body>, Response = http::Response<Body>> + Clone + Send + Sync + 'static,
    S::Error: Into<StdError> + Send + 'static,
    S::Future: Send + 'static,
{
    BoxCloneSyncService::new(service.map_err(|error| TransportError(error.into())))
}
