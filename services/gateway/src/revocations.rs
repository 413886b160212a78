//! While the bus is silent, nobody can be told that a worker's token was revoked: the gateway looks for itself.

use crate::closing::{self, Manner};
use crate::shared::Shared;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use ukai_boot::Shutdown;
use ukai_domain::{Code, WorkerId};

/// Between two looks at the database.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Looks, while a word may have been missed, until the stop signal.
pub(crate) async fn run(shared: Arc<Shared>, shutdown: Shutdown) {
    let mut may_miss = shared.may_miss_words.subscribe();
    loop {
        tokio::select! {
            () = shutdown.stopping() => return,
            missing = may_miss.wait_for(|missing| *missing) => if missing.is_err() { return },
        }
        tokio::select! {
            () = shutdown.stopping() => return,
            () = look(&shared) => {}
        }
        tokio::select! {
            () = shutdown.stopping() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

async fn look(shared: &Arc<Shared>) {
    let sessions: Vec<_> = shared
        .sessions
        .all()
        .into_iter()
        .filter_map(|session| {
            let worker = session.lock().worker?;
            Some((worker, session))
        })
        .collect();
    let workers: HashSet<WorkerId> = sessions.iter().map(|(worker, _)| *worker).collect();
    if workers.is_empty() {
        return;
    }
    let revoked = match shared.auth.revoked(workers.into_iter().collect()).await {
        Ok(revoked) => revoked,
        Err(error) => {
            tracing::debug!(%error, "can't look for revoked tokens");
            return;
        }
    };
    for (worker, session) in sessions.iter().filter(|(worker, _)| revoked.contains(worker)) {
        shared.auth.forget(*worker);
        if let Some(socket) = session.socket() {
            closing::tell(&socket, Code::AuthFailed, "the worker's token was revoked");
        }
        closing::end(shared, session, Manner::Refuse, "revoked");
    }
}
