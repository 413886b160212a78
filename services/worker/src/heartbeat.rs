//! What a worker says of itself every few seconds.

use std::time::Instant;

use serde_json::{Value, json};

use crate::network::NetworkInfo;

/// What was done since the connection was made.
#[derive(Debug)]
pub(crate) struct Stats {
    pub(crate) since: Instant,
    pub(crate) completed: u64,
    pub(crate) failed: u64,
}

impl Stats {
    pub(crate) fn new(since: Instant) -> Self {
        Self { since, completed: 0, failed: 0 }
    }
}

/// The payload of `worker:heartbeat`.
pub(crate) fn payload(
    blocked: bool,
    current: Option<&str>,
    network: &NetworkInfo,
    stats: &Stats,
    now: Instant,
) -> Value {
    let status = match (blocked, current) {
        (true, _) => "blocked",
        (false, Some(_)) => "busy",
        (false, None) => "idle",
    };
    let mut payload = json!({
        "status": status,
        "networkInfo": {
            "externalIp": network.external_ip,
            "ispName": network.isp_name,
            "lastCheckedAt": network.last_checked_at,
        },
        "stats": {
            "tasksCompleted": stats.completed,
            "tasksFailed": stats.failed,
            "uptime": now.saturating_duration_since(stats.since).as_secs(),
        },
    });
    if let Some(current) = current {
        payload["currentTaskId"] = current.into();
    }
    payload
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::json;

    use super::{Stats, payload};
    use crate::network::NetworkInfo;

    #[test]
    fn has_the_contracts_shape() {
        let since = Instant::now();
        let stats = Stats { since, completed: 2, failed: 1 };
        let now = since + Duration::from_secs(7);
        assert_eq!(
            payload(false, Some("t"), &NetworkInfo::default(), &stats, now),
            json!({"status": "busy", "currentTaskId": "t",
                   "networkInfo": {"externalIp": "", "ispName": "", "lastCheckedAt": ""},
                   "stats": {"tasksCompleted": 2, "tasksFailed": 1, "uptime": 7}})
        );
        assert_eq!(payload(false, None, &NetworkInfo::default(), &stats, now)["status"], "idle");
        assert_eq!(payload(true, None, &NetworkInfo::default(), &stats, now)["status"], "blocked");
    }
}
