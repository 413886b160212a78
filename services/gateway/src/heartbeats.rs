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
use ukai_domain::{GatewayId, SessionId};
use ukai_rpc::v1;

const INTERVAL: Duration = Duration::from_secs(1);
/// Each such digest tells of every session.
const WHOLE_EVERY: u64 = 3;
/// Sessions of one message, some 25 bytes each: a bus has room for a megabyte at least.
const MOST_SESSIONS: usize = 10_000;

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
        let digests = if is_last {
            last_words(&shared, ended)
        } else {
            digests(&shared, ended, late, number % WHOLE_EVERY == 0)
        };
        number += 1;
        for digest in digests {
            if let Err(error) = shared.bus.publish(HEARTBEATS, Bytes::from(digest.encode_to_vec())).await {
                tracing::debug!(%error, "digest not published");
                shared
                    .sessions
                    .put_ended_back(digest.ended.iter().filter_map(|id| SessionId::from_slice(id)));
            }
        }
        if is_last {
            return;
        }
    }
}

/// All sessions have ended with their sockets.
fn last_words(shared: &Shared, ended: Vec<SessionId>) -> Vec<v1::HeartbeatDigest> {
    let open = shared.sessions.all();
    let ended = ended.into_iter().chain(open.iter().map(|session| session.id)).collect();
    split(shared.id, Vec::new(), ended, true, MOST_SESSIONS)
}

fn digests(shared: &Shared, ended: Vec<SessionId>, late: Duration, whole: bool) -> Vec<v1::HeartbeatDigest> {
    let now = shared.now_ms();
    let heard = shared.sessions.collect(|session| {
        let at = session.tell_heard(whole)?;
        Some((session.id, now.saturating_sub(at)))
    });
    let mut digests = split(shared.id, heard, ended, whole, MOST_SESSIONS);
    // Told once: a judge takes it off each time that it hears of it.
    digests[0].late_ms = u64::try_from(late.as_millis()).unwrap_or(u64::MAX);
    digests
}

/// One message or more, each with at most so many sessions. Each of a whole digest is whole from its first session up to
/// the next one's first.
fn split(
    gateway: GatewayId,
    mut heard: Vec<(SessionId, u64)>,
    ended: Vec<SessionId>,
    whole: bool,
    most: usize,
) -> Vec<v1::HeartbeatDigest> {
    heard.sort_unstable();
    let bytes = |id: &SessionId| id.as_bytes().to_vec();
    let mut ended = ended.chunks(most);
    let mut digests = Vec::new();
    let mut begin = 0;
    loop {
        let end = heard.len().min(begin + most);
        let told = heard[begin..end].iter();
        digests.push(v1::HeartbeatDigest {
            gateway: gateway.as_bytes().to_vec(),
            heard: told.map(|(id, ago)| v1::HeardSession { session: bytes(id), ago_ms: *ago }).collect(),
            late_ms: 0,
            ended: ended.next().unwrap_or_default().iter().map(bytes).collect(),
            whole,
            from: heard.get(begin).filter(|_| begin > 0).map(|(id, _)| bytes(id)).unwrap_or_default(),
            until: heard.get(end).map(|(id, _)| bytes(id)).unwrap_or_default(),
        });
        begin = end;
        if end == heard.len() {
            break;
        }
    }
    digests.extend(ended.map(|ended| v1::HeartbeatDigest {
        gateway: gateway.as_bytes().to_vec(),
        ended: ended.iter().map(bytes).collect(),
        ..Default::default()
    }));
    digests
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(n: u128) -> Vec<SessionId> {
        (0..n).map(|n| SessionId(uuid::Uuid::from_u128(n))).collect()
    }

    /// Which of `of` are neither heard nor outside of what each message is whole of.
    fn left_out(digests: &[v1::HeartbeatDigest], of: &[SessionId]) -> Vec<SessionId> {
        let is_told = |id: &SessionId| {
            let key = &id.as_bytes()[..];
            let mut within =
                digests.iter().filter(|d| *d.from <= *key && (d.until.is_empty() || key < &*d.until));
            let one = within.next().filter(|d| d.whole).expect("some message is whole of it");
            assert!(within.next().is_none(), "and one alone");
            one.heard.iter().any(|heard| heard.session == key)
        };
        of.iter().filter(|id| !is_told(id)).copied().collect()
    }

    #[test]
    fn many_sessions_go_in_messages_that_are_whole_together() {
        let all = sessions(2_500);
        let heard: Vec<_> = all.iter().rev().filter(|id| **id != all[1_234]).map(|id| (*id, 5)).collect();
        let digests = split(GatewayId::NIL, heard, sessions(2_100), true, 1_000);
        assert_eq!(digests.iter().map(|d| d.heard.len()).collect::<Vec<_>>(), [1_000, 1_000, 499]);
        assert_eq!(digests.iter().map(|d| d.ended.len()).sum::<usize>(), 2_100);
        assert_eq!(left_out(&digests, &all), [all[1_234]]);
        let most = MOST_SESSIONS as u128;
        let ids: Vec<_> = sessions(most).into_iter().map(|id| (id, 30_000)).collect();
        let digests = split(GatewayId::NIL, ids, sessions(most), true, MOST_SESSIONS);
        assert!(digests.len() == 1 && digests[0].encoded_len() < 600 << 10, "{}", digests[0].encoded_len());
    }

    #[test]
    fn nobody_heard_and_many_ended() {
        let digests = split(GatewayId::NIL, Vec::new(), sessions(25), true, 10);
        assert_eq!(
            digests.iter().map(|d| (d.whole, d.ended.len())).collect::<Vec<_>>(),
            [(true, 10), (false, 10), (false, 5)]
        );
        assert!(digests[0].from.is_empty() && digests[0].until.is_empty(), "whole of all");
    }
}
