//! Whether a measurement reaches what this version must reach.

use serde_json::Value;

use crate::exit::Failure;

const DRAINED_PER_SECOND: f64 = 8_000.0;
const P50_MS: f64 = 2.5;
const P99_MS: f64 = 8.0;
const SLOWER_BY: f64 = 0.10;

/// Fails with one line for each target that is missed.
pub(crate) fn judge(measured: &Value) -> Result<(), Failure> {
    let mut missed = Vec::new();
    let mut need = |what: &str, ok: bool, found: &Value| {
        if !ok {
            missed.push(format!("{what}, found {found}"));
        }
    };
    let number = |value: &Value, otherwise: f64| value.as_f64().unwrap_or(otherwise);
    let drained = &measured["drain"]["tasksPerSecond"];
    need("at least 8000 tasks/s drained", number(drained, 0.0) >= DRAINED_PER_SECOND, drained);
    let latency = &measured["latency"];
    need("latency p50 at most 2.5 ms", number(&latency["p50Ms"], f64::MAX) <= P50_MS, &latency["p50Ms"]);
    need("latency p99 at most 8 ms", number(&latency["p99Ms"], f64::MAX) <= P99_MS, &latency["p99Ms"]);
    let backlog = &measured["backlog"];
    if backlog.is_object() {
        for slower in ["slowerBelow", "slowerAtEqualPriority"] {
            need(
                "at most 10 % slower with the backlog",
                number(&backlog[slower], 1.0) <= SLOWER_BY,
                &backlog[slower],
            );
        }
    }
    if missed.is_empty() { Ok(()) } else { Err(Failure::failed(format!("missed: {}", missed.join("; ")))) }
}

#[cfg(test)]
mod tests {
    use super::judge;
    use serde_json::json;

    #[test]
    fn each_target_can_be_missed() {
        let good = json!({
            "drain": { "tasksPerSecond": 9000.0 },
            "latency": { "p50Ms": 1.0, "p99Ms": 4.0 },
            "backlog": { "slowerBelow": 0.01, "slowerAtEqualPriority": -0.02 },
        });
        assert!(judge(&good).is_ok());
        for (pointer, value) in [
            ("/drain/tasksPerSecond", json!(7999.0)),
            ("/latency/p50Ms", json!(2.6)),
            ("/latency/p99Ms", json!(8.1)),
            ("/backlog/slowerBelow", json!(0.11)),
            ("/backlog/slowerAtEqualPriority", json!(null)),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).unwrap() = value;
            assert!(judge(&bad).is_err(), "{pointer}");
        }
    }
}
