//! Once a second: who was heard since, and who ended. Any event counts; a pong never does.

use crate::shared::Shared;
use bytes::Bytes;
use prost::Message;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};
use ukai_boot::Shutdown;
use ukai_bus::HEARTBEATS;
use ukai_rpc::v1;

const INTERVAL: Duration = Duration::from_secs(1);

/// Publishes digests until the stop signal; the last one ends every session, because their sockets are being closed.
pub(crate) async fn run(shared: Arc<Shared>, shutdown: Shutdown) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut expected = Instant::now();
    loop {
        let is_last = tokio::select! {
            _ = ticks.tick() => false,
            () = shutdown.stopping() => true,
        };
        let late = Instant::now().saturating_duration_since(expected);
        expected = Instant::now() + INTERVAL;
        let mut digest = digest(&shared, late);
        if is_last {
            digest.heard.clear();
            digest.ended.extend(shared.sessions.all().iter().map(|session| session.id.as_bytes().to_vec()));
        }
        if let Err(error) = shared.bus.publish(HEARTBEATS, Bytes::from(digest.encode_to_vec())).await {
            tracing::debug!(%error, "digest not published");
        }
        if is_last {
            return;
        }
    }
}

fn digest(shared: &Shared, late: Duration) -> v1::HeartbeatDigest {
    let now = shared.now_ms();
    // Before the others: who ends meanwhile is in the next digest.
    let ended = shared.sessions.take_ended();
    let sessions = shared.sessions.all();
    let heard = sessions.iter().filter_map(|session| {
        let at = session.take_heard()?;
        Some(v1::HeardSession { session: session.id.as_bytes().to_vec(), ago_ms: now.saturating_sub(at) })
    });
    v1::HeartbeatDigest {
        gateway: shared.id.as_bytes().to_vec(),
        heard: heard.collect(),
        late_ms: u64::try_from(late.as_millis()).unwrap_or(u64::MAX),
        ended: ended.iter().map(|id| id.as_bytes().to_vec()).collect(),
    }
}
