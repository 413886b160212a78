//! Calls of the leader, with a bound on every one.

use crate::error::ApiError;
use crate::state::AppState;
use ukai_domain::{Code, Rejection};
use ukai_rpc::Scheduler;

impl AppState {
    /// Calls the leader and waits for the commit, at most `limits.call`. After that the outcome is unknown and the
    /// answer 503; a client repeats with its `Idempotency-Key`.
    pub(crate) async fn call<T, F>(&self, call: impl FnOnce(Scheduler) -> F) -> Result<T, ApiError>
    where
        F: Future<Output = Result<tonic::Response<T>, tonic::Status>>,
    {
        match tokio::time::timeout(self.limits.call, call(self.scheduler.clone())).await {
            Ok(Ok(response)) => Ok(response.into_inner()),
            Ok(Err(status)) => {
                let rejection = ukai_rpc::rejection_from_status(&status);
                if rejection.code == Code::InternalError {
                    tracing::error!(grpc.status = %status.code(), error = status.message(), "the scheduler failed");
                }
                Err(rejection.into())
            }
            Err(_elapsed) => {
                Err(Rejection::new(Code::Unavailable, "the scheduler did not answer in time, try again")
                    .into())
            }
        }
    }
}

/// A view of the domain out of an answer.
pub(crate) fn view<T: serde::de::DeserializeOwned>(json: &str) -> Result<T, ApiError> {
    serde_json::from_str(json)
        .map_err(|error| ApiError::internal("the scheduler's answer can't be understood", &error))
}
