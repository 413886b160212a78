//! Once a second: who was heard since, and who ended. Any event counts; a pong never does. Every few seconds those who
//! are silent are told too, so that a monitor that starts later can judge them.

use crate::shared::Shared;
use bytes::Bytes;
use prost::Message;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use ukai_boot::Shutdown;
use ukai_bus::HEARTBEATS;
use ukai_domain::SessionId;
use ukai_rpc::v1;

const INTERVAL: Duration = Duration::from_secs(1);
/// Each such digest tells of every session.
const WHOLE_EVERY: u64 = 3;

/// Publishes digests until the stop signal; the last one ends every session, because their sockets are being closed.
pub(crate) async fn run(shared: Arc<Shared>, shutdown: Shutdown) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut expected = Instant::now();
    let mut number = 0;
    loop {
        let is_last = tokio::select! {
            _ = ticks.tick() => false,
            () = shutdown.stopping() => true,
        };
        let late = Instant::now().saturating_duration_since(expected);
        expected = Instant::now() + INTERVAL;
        // Before the others: who ends meanwhile is in the next digest.
        let ended = shared.sessions.take_ended();
        let mut digest = digest(&shared, &ended, late, number % WHOLE_EVERY == 0);
        number += 1;
        if is_last {
            digest.heard.clear();
            digest.whole = true;
            digest.ended.extend(shared.sessions.all().iter().map(|session| session.id.as_bytes().to_vec()));
        }
        if let Err(error) = shared.bus.publish(HEARTBEATS, Bytes::from(digest.encode_to_vec())).await {
            tracing::debug!(%error, "digest not published");
            shared.sessions.put_ended_back(&ended);
        }
        if is_last {
            return;
        }
    }
}

fn digest(shared: &Shared, ended: &[SessionId], late: Duration, whole: bool) -> v1::HeartbeatDigest {
    let now = shared.now_ms();
    let sessions = shared.sessions.all();
    let heard = sessions.iter().filter_map(|session| {
        let at = session.tell_heard(whole)?;
        Some(v1::HeardSession { session: session.id.as_bytes().to_vec(), ago_ms: now.saturating_sub(at) })
    });
    v1::HeartbeatDigest {
        gateway: shared.id.as_bytes().to_vec(),
        heard: heard.collect(),
        late_ms: u64::try_from(late.as_millis()).unwrap_or(u64::MAX),
        ended: ended.iter().map(|id| id.as_bytes().to_vec()).collect(),
        whole,
    }
}
