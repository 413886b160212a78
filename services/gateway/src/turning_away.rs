//! A gateway that is cut off sends its workers to the others: it closes their sockets, spread out, and refuses new
//! ones for a while. Who still comes back then has found no other gateway and may wait here.

use crate::closing::{self, Manner};
use crate::reach::Reach;
use crate::shared::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use ukai_boot::Shutdown;

/// Between two groups of sockets that are closed.
const STEP: Duration = Duration::from_millis(100);

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
        let sessions = shared.sessions.all();
        let steps = limits.cut_spread.as_millis().div_ceil(STEP.as_millis()).max(1);
        let group = sessions.len().div_ceil(usize::try_from(steps).unwrap_or(1)).max(1);
        // Few sockets are spread as far as many.
        let groups = u32::try_from(sessions.len().div_ceil(group)).unwrap_or(u32::MAX).max(1);
        for group in sessions.chunks(group) {
            tokio::time::sleep(limits.cut_spread / groups).await;
            group.iter().for_each(|session| closing::end(shared, session, Manner::Close, "cut_off"));
        }
        tokio::time::sleep(limits.cut_refusal).await;
        shared.refuses.store(false, Ordering::Relaxed);
        tokio::time::sleep(limits.cut_patience).await;
    }
}
