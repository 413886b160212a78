//! What a fake worker says, word for word as the contract has it.

use serde::Deserialize;

/// The record that every fake page gives: all fields of the contract, about 600 bytes.
pub const PRODUCT: &str = r#"{"productTitle":"Guitar Patch Cables 6 Inch, 6 Pack, Low Profile Right Angle Pedal Cable, Noise Reducing Braided Jacket, Gold Plated 1/4 Inch TS Connectors","price":23.99,"currency":"USD","originalPrice":29.99,"rating":4.7,"reviewCount":3181,"availability":"In Stock","isAvailable":true,"imageUrls":["https://images.shop.example/I/71x0mS3zFqL._AC_SL1500_.jpg","https://images.shop.example/I/81Qm4vLk2FL._AC_SL1500_.jpg","https://images.shop.example/I/61kC3hL0pWL._AC_SL1200_.jpg"],"asin":"B07ZQ7XWVJ"}"#;

/// `worker:registered`.
#[derive(Deserialize)]
pub(super) struct Registered {
    pub(super) config: Config,
}

/// Its settings.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config {
    pub(super) heartbeat_interval: u64,
}

/// `task:assigned` and `task:cancelled`, as far as they matter here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Task {
    pub(super) task_id: String,
    #[serde(default)]
    pub(super) run: u64,
    #[serde(default)]
    pub(super) product_url: String,
}

/// The acknowledgement of a report.
#[derive(Deserialize)]
pub(super) struct Answered {
    pub(super) accepted: bool,
    #[serde(default)]
    pub(super) reason: Option<String>,
}

/// The time as a worker's clock shows it: stored, and never used in decisions.
const TIME: &str = "2026-01-01T00:00:00.000Z";

pub(super) fn started(task: &str, run: u64) -> String {
    format!(r#"{{"taskId":"{task}","run":{run},"startedAt":"{TIME}"}}"#)
}

pub(super) fn completed(task: &str, run: u64, links: Option<Vec<String>>) -> String {
    let links =
        links.map_or_else(String::new, |links| format!(r#","links":{}"#, serde_json::Value::from(links)));
    format!(
        r#"{{"taskId":"{task}","run":{run},"completedAt":"{TIME}","result":{PRODUCT},"metrics":{{"scrapeDurationMs":1840,"pageLoadTimeMs":920}}{links}}}"#
    )
}

pub(super) fn heartbeat(task: Option<&str>, completed: u64, uptime: u64) -> String {
    let (status, current) = match task {
        Some(task) => ("busy", format!(r#","currentTaskId":"{task}""#)),
        None => ("idle", String::new()),
    };
    format!(
        r#"{{"status":"{status}"{current},"networkInfo":{{"externalIp":"192.0.2.7","ispName":"Example Net","lastCheckedAt":"{TIME}"}},"stats":{{"tasksCompleted":{completed},"tasksFailed":0,"uptime":{uptime}}}}}"#
    )
}

pub(super) fn auth<'a>(capacity: u32, crawls: bool, held: impl Iterator<Item = (&'a str, u64)>) -> String {
    let kinds = if crawls { r#"["scrape","crawl"]"# } else { r#"["scrape"]"# };
    let held: Vec<_> = held.map(|(task, run)| format!(r#"{{"taskId":"{task}","run":{run}}}"#)).collect();
    format!(r#"{{"capacity":{capacity},"capabilities":{kinds},"inFlight":[{}]}}"#, held.join(","))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    #[test]
    fn every_message_is_json() {
        for text in [
            super::started("t", 1),
            super::completed("t", 2, None),
            super::completed("t", 2, Some(vec!["https://a.example/\"".to_owned()])),
            super::heartbeat(None, 0, 1),
            super::heartbeat(Some("t"), 3, 4),
            super::auth(1, false, [].into_iter()),
            super::auth(1, true, [("a", 1), ("b", 2)].into_iter()),
            super::PRODUCT.to_owned(),
        ] {
            let value: Result<Value, _> = serde_json::from_str(&text);
            assert!(value.is_ok_and(|value| value.is_object()), "{text}");
        }
    }
}
