//! Whether a measurement reaches what this version must reach.

use serde_json::Value;

use crate::exit::Failure;

const DRAINED_PER_SECOND: f64 = 8_000.0;
const P50_MS: f64 = 2.5;
const P99_MS: f64 = 8.0;
const SLOWER_BY: f64 = 0.10;

/// On PostgreSQL, on the same machine.
const POSTGRES_PER_SECOND: f64 = 5_000.0;
const POSTGRES_CPU_MICROS: f64 = 40.0;
const POSTGRES_SLOWER_BY_SNAPSHOT: f64 = 0.15;
const IDLE_KIB: f64 = 20.0;
const IDLE_CPU_SECONDS: f64 = 0.25;
const POSTGRES_QUEUE_ONLY_PER_SECOND: f64 = 35_000.0;

/// Fails with one line for each target that is missed.
pub(crate) fn judge(measured: &Value) -> Result<(), Failure> {
    let mut missed = Vec::new();
    let mut need = |what: &str, ok: bool, found: &Value| {
        if !ok {
            missed.push(format!("{what}, found {found}"));
        }
    };
    let number = |value: &Value, otherwise: f64| value.as_f64().unwrap_or(otherwise);
    if measured["store"] == "postgresql" {
        let alone = &measured["queueOnly"]["tasksPerSecond"];
        if measured["queueOnly"].is_object() {
            need(
                "at least 35000 tasks/s of the queue alone",
                number(alone, 0.0) >= POSTGRES_QUEUE_ONLY_PER_SECOND,
                alone,
            );
        } else {
            for phase in ["stream", "drain"] {
                let (rate, cpu) =
                    (&measured[phase]["tasksPerSecond"], &measured[phase]["databaseCpuMicrosPerTask"]);
                need("at least 5000 tasks/s", number(rate, 0.0) >= POSTGRES_PER_SECOND, rate);
                // A database elsewhere tells none.
                let within = number(cpu, 0.0) <= POSTGRES_CPU_MICROS;
                need("at most 40 µs of PostgreSQL's CPU a task", within, cpu);
            }
        }
        let slower = &measured["snapshot"]["slower"];
        if measured["snapshot"].is_object() {
            let within = number(slower, 1.0) <= POSTGRES_SLOWER_BY_SNAPSHOT;
            need("at most 15 % slower beside a held snapshot", within, slower);
        }
    } else if measured["queueOnly"].is_null() && measured["idle"].is_null() {
        let drained = &measured["drain"]["tasksPerSecond"];
        need("at least 8000 tasks/s drained", number(drained, 0.0) >= DRAINED_PER_SECOND, drained);
        let latency = &measured["latency"];
        need("latency p50 at most 2.5 ms", number(&latency["p50Ms"], f64::MAX) <= P50_MS, &latency["p50Ms"]);
        need("latency p99 at most 8 ms", number(&latency["p99Ms"], f64::MAX) <= P99_MS, &latency["p99Ms"]);
    }
    let idle = &measured["idle"];
    if idle.is_object() {
        let (memory, cpu) = (&idle["kibPerConnection"], &idle["cpuSecondsPer1000WorkerMinutes"]);
        need("at most 20 KiB a connection", number(memory, f64::MAX) <= IDLE_KIB, memory);
        let within = number(cpu, f64::MAX) <= IDLE_CPU_SECONDS;
        need("at most 0.25 CPU-seconds per 1000 worker-minutes", within, cpu);
    }
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
            ("/backlog/slowerBelow", json!(0.1001)),
            ("/backlog/slowerAtEqualPriority", json!(null)),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).unwrap() = value;
            assert!(judge(&bad).is_err(), "{pointer}");
        }
    }

    #[test]
    fn postgres_has_targets_of_its_own() {
        let good = json!({
            "store": "postgresql",
            "stream": { "tasksPerSecond": 5100.0, "databaseCpuMicrosPerTask": 39.0 },
            "drain": { "tasksPerSecond": 6000.0, "databaseCpuMicrosPerTask": 30.0 },
            "backlog": { "slowerBelow": 0.01, "slowerAtEqualPriority": -0.02 },
            "snapshot": { "slower": 0.12 },
        });
        assert!(judge(&good).is_ok());
        for (pointer, value) in [
            ("/stream/tasksPerSecond", json!(4999.0)),
            ("/drain/tasksPerSecond", json!(4999.0)),
            ("/drain/databaseCpuMicrosPerTask", json!(40.1)),
            ("/backlog/slowerBelow", json!(0.1001)),
            ("/snapshot/slower", json!(0.16)),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).unwrap() = value;
            assert!(judge(&bad).is_err(), "{pointer}");
        }
        let alone = |rate: f64| json!({ "store": "postgresql", "queueOnly": { "tasksPerSecond": rate } });
        assert!(judge(&alone(35_000.0)).is_ok());
        assert!(judge(&alone(34_999.0)).is_err());
    }
}
