//! A gateway that is cut off sends its workers to the others: it closes their sockets, spread out, and refuses new
//! ones for a while. Who still comes back then has found no other gateway and may wait here.

use crate::closing;
use crate::reach::Reach;
use crate::shared::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use ukai_boot::Shutdown;

/// Runs until the stop signal.
pub(crate) async fn run(shared: Arc<Shared>, shutdown: Shutdown) {
    let mut reach = shared.reach.subscribe();
    loop {
        tokio::select! {
            () = shutdown.stopping() => return,
            cut = reach.wait_for(|reach| *reach == Reach::CutOff) => if cut.is_err() { return },
        }
        tokio::select! {
            () = shutdown.stopping() => return,
            () = turn_away(&shared) => {}
            _back = reach.wait_for(|reach| *reach != Reach::CutOff) => {}
        }
        shared.refuses.store(false, Ordering::Relaxed);
    }
}

/// Again and again, as long as the cut lasts.
async fn turn_away(shared: &Arc<Shared>) {
    let limits = &shared.config.limits;
    loop {
        shared.refuses.store(true, Ordering::Relaxed);
        closing::spread_out(shared, &shared.sessions.all(), limits.cut_spread, "cut_off").await;
        tokio::time::sleep(limits.cut_refusal).await;
        shared.refuses.store(false, Ordering::Relaxed);
        tokio::time::sleep(limits.cut_patience).await;
    }
}
