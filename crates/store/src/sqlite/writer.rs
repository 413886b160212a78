//! The one thread that owns the writing connection and does what it is sent, in order.

use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use tokio::sync::{mpsc, oneshot};

/// Steps that wait for the writer at most; a sender beyond them waits.
const QUEUE: usize = 64;

type Step = Box<dyn FnOnce(&mut Connection) + Send>;

/// Sends steps to the thread.
#[derive(Debug)]
pub(super) struct Writer {
    steps: Option<mpsc::Sender<Step>>,
    thread: Option<JoinHandle<()>>,
}

/// Sends steps as long as the writer lives, without keeping it alive.
#[derive(Debug)]
pub(super) struct WeakWriter(mpsc::WeakSender<Step>);

impl Writer {
    pub(super) fn start(conn: Connection) -> std::io::Result<Self> {
        let (steps, inbox) = mpsc::channel(QUEUE);
        let thread =
            std::thread::Builder::new().name("store-writer".to_owned()).spawn(|| serve(conn, inbox))?;
        Ok(Self { steps: Some(steps), thread: Some(thread) })
    }

    /// Runs `step` on the thread. `None` where the writer is gone or the step panicked. A caller that is dropped
    /// while it waits changes nothing: the step is done all the same.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        step: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        let step: Step = Box::new(move |conn| {
            // Nobody may be waiting any more.
            let _ = reply.send(step(conn));
        });
        self.steps.as_ref()?.send(step).await.ok()?;
        answer.await.ok()
    }

    pub(super) fn weak(&self) -> WeakWriter {
        #[allow(
            clippy::expect_used,
            reason = "steps is only taken by stop, which takes the writer's last use"
        )]
        let steps = self.steps.as_ref().expect("a writer that was not stopped");
        WeakWriter(steps.downgrade())
    }

    /// Does what was sent, closes the connection and waits for both.
    pub(super) fn stop(&mut self) {
        drop(self.steps.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was logged where it happened.
            let _ = thread.join();
        }
    }
}

impl WeakWriter {
    /// Sends a step if the writer lives and has room for it; its result is not waited for.
    pub(super) fn try_send(&self, step: impl FnOnce(&mut Connection) + Send + 'static) {
        if let Some(steps) = self.0.upgrade() {
            // A full queue: the next signal tries again.
            let _ = steps.try_send(Box::new(step));
        }
    }
}

fn serve(mut conn: Connection, mut inbox: mpsc::Receiver<Step>) {
    while let Some(step) = inbox.blocking_recv() {
        if catch_unwind(AssertUnwindSafe(|| step(&mut conn))).is_err() {
            tracing::error!("a step of the store panicked; it was rolled back");
        }
        if !conn.is_autocommit()
            && let Err(error) = conn.execute_batch("ROLLBACK")
        {
            tracing::error!(%error, "could not roll back");
        }
    }
}
