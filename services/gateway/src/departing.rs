//! A gateway that is about to end sends its workers to the others, one by one: each works on until its own turn, so
//! that the others are not stormed and nobody stays away for longer than a reconnect takes. New ones are refused.

use crate::closing;
use crate::shared::Shared;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Returns when every worker was told to leave. Where no other gateway was heard there is nowhere to go: then they all
/// leave when the sockets are closed, and come back to whoever starts here.
pub(crate) async fn run(shared: &Arc<Shared>) {
    shared.departs.store(true, Ordering::Relaxed);
    if !shared.has_neighbours.load(Ordering::Relaxed) {
        return;
    }
    let sessions = shared.sessions.all();
    let limits = &shared.config.limits;
    let over = spread(sessions.len(), limits.departures_per_second, limits.drain_spread);
    tracing::info!(sessions = sessions.len(), seconds = over.as_secs_f64(), "workers leave one by one");
    closing::spread_out(shared, &sessions, over, "draining").await;
}

fn spread(sessions: usize, per_second: u32, most: Duration) -> Duration {
    let sessions = u32::try_from(sessions).unwrap_or(u32::MAX);
    Duration::from_secs(1).saturating_mul(sessions).checked_div(per_second).unwrap_or(most).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_are_sent_away_sooner_than_many() {
        let most = Duration::from_secs(20);
        let cases = [(0, 0), (1, 10), (200, 2_000), (1_999, 19_990), (2_000, 20_000), (10_000, 20_000)];
        for (sessions, millis) in cases {
            assert_eq!(spread(sessions, 100, most), Duration::from_millis(millis), "{sessions}");
        }
        assert_eq!(spread(10_000, 100, Duration::ZERO), Duration::ZERO);
    }
}
