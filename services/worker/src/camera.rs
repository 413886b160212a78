//! A picture of the page that is open, for an operator who wants to see it now. It goes its own way beside the run and
//! never holds it up.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;
use ukai_browser::Peephole;

use crate::{
    artifacts::{Artifacts, File},
    clock,
    holdings::{Held, Holdings},
    messages::ConfigUpdate,
};

/// From the wish to the picture.
const LOOK: Duration = Duration::from_secs(5);
/// From the picture to the server.
const BRING: Duration = Duration::from_secs(4);

/// Takes one picture at a time.
#[derive(Debug)]
pub(crate) struct Camera(Arc<Semaphore>);

impl Default for Camera {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl Camera {
    /// Begins to take the picture that the server wishes for, if there is a page.
    pub(crate) fn take(&self, holdings: &Holdings, artifacts: &Arc<Artifacts>, wish: &ConfigUpdate) {
        let Ok(alone) = Arc::clone(&self.0).try_acquire_owned() else {
            tracing::info!("a live picture is being taken already");
            return;
        };
        let found = {
            let running = holdings.running();
            let held = running.iter().rev().find(|held| held.started && is_meant(held, wish));
            held.and_then(|held| Some((held.task_id.clone(), held.run?, held.peephole.clone())))
        };
        let Some((task_id, run, peephole)) = found else {
            tracing::info!("no page is open, so there is no live picture");
            return;
        };
        let artifacts = Arc::clone(artifacts);
        tokio::spawn(async move {
            take(&artifacts, &task_id, run, &peephole).await;
            drop(alone);
        });
    }
}

fn is_meant(held: &Held, wish: &ConfigUpdate) -> bool {
    wish.task_id.as_ref().is_none_or(|task_id| *task_id == held.task_id)
        && (wish.run.is_none() || wish.run == held.run)
}

async fn take(artifacts: &Artifacts, task_id: &str, run: u32, peephole: &Peephole) {
    let bytes = match peephole.look(LOOK).await {
        None => {
            tracing::info!(task.id = task_id, run, "no page is open, so there is no live picture");
            return;
        }
        Some(Err(error)) => {
            tracing::warn!(task.id = task_id, run, %error, "the page gave no live picture");
            return;
        }
        Some(Ok(bytes)) => bytes,
    };
    // Two pictures of a page that stands still are equal; by their names they are two.
    let name = format!("live-{}.png", clock::now().replace(':', "-"));
    let file = File {
        kind: "live",
        name: Some(name),
        content_type: "image/png",
        extension: "png",
        bytes: Ok(Arc::from(bytes)),
    };
    artifacts.show(task_id, run, &file, Instant::now() + BRING).await;
}
