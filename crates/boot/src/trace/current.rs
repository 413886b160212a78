//! The span in which a request is being answered, for the calls that it makes.

use super::parent::Traceparent;

tokio::task_local! {
    static CURRENT: Traceparent;
}

/// Runs `work` under `span`; what it spawns is not.
pub async fn within<F: Future>(span: Option<Traceparent>, work: F) -> F::Output {
    match span {
        Some(span) => CURRENT.scope(span, work).await,
        None => work.await,
    }
}

/// The span of [`within`] around this, if there is one.
#[must_use]
pub fn current() -> Option<Traceparent> {
    CURRENT.try_with(Clone::clone).ok()
}
