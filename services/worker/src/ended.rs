//! Takes note of a run that ended: the counters of the heartbeat, and whether the refusals add up to a block.

use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    block::BlockJudge,
    clock,
    heartbeat::Stats,
    scrape::{Context, Ended, RunResult},
};

/// Waits for the next run that ends, for ever if there is none, and takes note of it.
pub(crate) async fn next_end(
    runs: &mut JoinSet<Ended>,
    judge: &mut BlockJudge,
    stats: &mut Stats,
    context: &Context,
) {
    let ended = match runs.join_next().await {
        None => return std::future::pending().await,
        // A run catches its own panics; what is left is a bug that must not end the worker.
        Some(Err(error)) => return tracing::error!(%error, "a run broke"),
        Some(Ok(ended)) => ended,
    };
    match ended.result {
        RunResult::Completed => {
            stats.completed += 1;
            judge.passed();
        }
        RunResult::Failed(refusal) => {
            stats.failed += 1;
            let block = refusal.and_then(|refusal| judge.refused(refusal, &ended.task_id));
            if let Some(block) = block {
                tracing::error!(reason = block.reason, "this worker seems to be blocked");
                let _ = context.client.emit(
                    "worker:block_detected",
                    &json!({
                        "detectedAt": clock::now(),
                        "reason": block.reason,
                        "suggestedAction": block.action,
                        "failedTaskIds": block.tasks,
                    }),
                );
            }
        }
        RunResult::Stopped => {}
    }
}
