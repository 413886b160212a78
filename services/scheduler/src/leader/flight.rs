//! A commit under way: it is sent by a task of its own, beside the loop.

use super::turn::{Stepped, Turn, Unapplied};
use super::{Leader, RESEND_EVERY, TurnError, pause};
use crate::metrics::Metrics;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::task::AbortOnDropHandle;
use ukai_boot::Shutdown;
use ukai_domain::scheduler::{Commit, Effects};
use ukai_store::{CommitError, Store};

/// A commit that was sent, and who waits for it.
pub(super) struct Flight {
    pub(super) done: Done,
    pub(super) turn: Turn,
    task: AbortOnDropHandle<(Result<Option<Unapplied>, TurnError>, Duration)>,
    landed: Option<(Result<Option<Unapplied>, TurnError>, Duration)>,
}

/// A step, as soon as its commit is applied.
pub(super) struct Done {
    pub(super) commit: Arc<Commit>,
    pub(super) effects: Effects,
}

/// Sends commits.
pub(super) struct Committer {
    store: Arc<dyn Store>,
    metrics: Metrics,
    leading: Shutdown,
    epoch: u64,
}

impl Flight {
    /// Waits until the commit has ended; how is told by [`Flight::outcome`].
    pub(super) async fn landed(&mut self) {
        if self.landed.is_none() {
            let broke = |error| TurnError::Broken(format!("the task of a commit ended: {error}"));
            let landed = (&mut self.task).await;
            self.landed = Some(landed.unwrap_or_else(|error| (Err(broke(error)), Duration::ZERO)));
        }
    }

    /// How it ended: `None` once applied.
    pub(super) async fn outcome(&mut self, metrics: &Metrics) -> Result<Option<Unapplied>, TurnError> {
        self.landed().await;
        let Some((outcome, took)) = self.landed.take() else { return Err(TurnError::Stopped) };
        metrics.spent("commit", took);
        metrics.commit_seconds.observe(took.as_secs_f64());
        outcome
    }
}

impl Leader {
    pub(super) fn committer(&self) -> Committer {
        Committer {
            store: Arc::clone(&self.store),
            metrics: self.metrics.clone(),
            leading: self.leading.clone(),
            epoch: self.events.epoch(),
        }
    }

    /// Sends the commit of a step.
    pub(super) fn launch(&self, stepped: Stepped, turn: Turn) -> Flight {
        let Stepped { commit, effects, mut spans } = stepped;
        let (committer, sent) = (self.committer(), Arc::clone(&commit));
        let task = tokio::spawn(async move {
            let begun = Instant::now();
            let outcome = committer.send(&sent).await;
            if !matches!(outcome, Ok(None)) {
                spans.iter_mut().for_each(|span| span.fail("not applied"));
            }
            (outcome, begun.elapsed())
        });
        Flight { done: Done { commit, effects }, turn, task: AbortOnDropHandle::new(task), landed: None }
    }
}

impl Committer {
    /// `None` once applied. An unknown outcome sends the same commit again, never a new one.
    pub(super) async fn send(&self, commit: &Arc<Commit>) -> Result<Option<Unapplied>, TurnError> {
        let outcome = loop {
            let sent = if commit.is_empty() {
                self.store.check_epoch(self.epoch).await
            } else {
                self.store.commit(Arc::clone(commit)).await.map(drop)
            };
            match sent {
                Ok(()) => break None,
                Err(CommitError::Unavailable(error)) => {
                    tracing::warn!(error, "the store is away: sending the commit again");
                    pause(&self.leading, RESEND_EVERY).await?;
                }
                Err(CommitError::Deposed { .. }) => return Err(TurnError::Deposed),
                Err(CommitError::Refused(error)) => break Some(Unapplied::Broken(error)),
                Err(CommitError::Full(error)) => break Some(Unapplied::Full(error)),
            }
        };
        if outcome.is_none() && !commit.is_empty() {
            self.metrics.commits.inc();
            let rows = commit.moves.len() + commit.tasks.len() + commit.runs.len();
            self.metrics.commit_rows.observe(rows as f64);
        }
        Ok(outcome)
    }
}
