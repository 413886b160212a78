//! One stop signal for all stages of a process.

use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Clones share the signal and the set of tasks that are waited for.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
    tasks: TaskTracker,
}

impl Shutdown {
    /// A signal that nobody has given yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A part of this one: stops with it, and may be stopped and waited for alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self { token: self.token.child_token(), tasks: TaskTracker::new() }
    }

    /// Gives the signal on SIGTERM or Ctrl-C; a second one ends the process at once.
    pub fn listen(&self) -> std::io::Result<()> {
        let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        let token = self.token.clone();
        tokio::spawn(async move {
            for _ in 0..2 {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = tokio::signal::ctrl_c() => {}
                }
                if token.is_cancelled() {
                    std::process::exit(130);
                }
                tracing::info!("stopping");
                token.cancel();
            }
        });
        Ok(())
    }

    /// Gives the signal.
    pub fn stop(&self) {
        self.token.cancel();
    }

    /// Whether the signal was given.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Returns once the signal is given.
    pub async fn stopping(&self) {
        self.token.cancelled().await;
    }

    /// Runs a task that [`Shutdown::finish`] waits for.
    pub fn spawn<F>(&self, task: F) -> tokio::task::JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.tasks.spawn(task)
    }

    /// Gives the signal and waits for the tasks, at most `limit`. Returns whether all ended.
    pub async fn finish(&self, limit: Duration) -> bool {
        self.token.cancel();
        self.tasks.close();
        tokio::time::timeout(limit, self.tasks.wait()).await.is_ok()
    }
}
