//! What connected workers without work cost: memory of each, and processor time of their heartbeats.

use std::path::Path;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};

use super::fleet::Fleet;
use super::machine::{Cpu, memory};
use super::round;
use crate::commands::bench::Bench;
use crate::exit::Failure;
use crate::output::Output;
use crate::processes::{UpProcess, random_key};

/// New connections a second, below what a gateway admits.
const PER_SECOND: u32 = 400;
/// Workers that connect before the first look: what is allocated once isn't theirs.
const WARM_UP: u32 = 100;
/// After the last connect, until memory is looked at: every worker has told that it lives.
const SETTLE: Duration = Duration::from_secs(12);
/// Descriptors of a process besides its sockets.
const OTHER_FILES: u64 = 200;

/// Measures and gives the document. Errors: a worker doesn't connect, or is lost.
pub(super) async fn run(bench: &Bench, output: Output, folder: &Path) -> Result<Value, Failure> {
    let workers = bench.idle_workers;
    allow_files(u64::from(workers) + OTHER_FILES)?;
    let token = random_key();
    let up = UpProcess::start_with(folder, &[], &[("UKAI_WORKER_ENROLL_TOKEN", &token)]).await?;
    let (server, url) = (up.process.id(), up.server.url.to_string());
    // A client process for each half; they hold no tokens of their own.
    let mut fleet = Fleet::start(folder, vec![token.clone(), token.clone()])?;
    fleet.crowd(&url, &token, WARM_UP, PER_SECOND).await?;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = memory(server);
    let bar = output.bar(u64::from(workers), "connecting");
    fleet.crowd(&url, &token, workers, PER_SECOND).await?;
    bar.finish_and_clear();
    tokio::time::sleep(SETTLE).await;
    let after = memory(server);
    let cpu = Cpu::now(server, &fleet.ids(), None);
    tokio::time::sleep(Duration::from_secs(u64::from(bench.idle_seconds))).await;
    let (shares, later) = (Cpu::now(server, &fleet.ids(), None).since(cpu), memory(server));
    let metrics = up.client.text("metrics").await?;
    let connected = metric(&metrics, "ukai_gateway_sessions");
    if connected < f64::from(workers + WARM_UP) {
        return Err(Failure::failed(format!("only {connected} of {workers} workers are still connected")));
    }
    let thousand_minutes = f64::from(workers + WARM_UP) / 1_000.0 * f64::from(bench.idle_seconds) / 60.0;
    #[allow(clippy::cast_precision_loss)] // bytes of a process, far below 2^52
    let each = |bytes: u64| round(bytes.saturating_sub(before) as f64 / 1_024.0 / f64::from(workers));
    let document = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "build": if cfg!(debug_assertions) { "debug" } else { "release" },
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "idle": {
            "what": "all of `ukai up`, with connected workers that send a heartbeat each 10 s",
            "workers": workers,
            "memoryBeforeMiB": before >> 20,
            "memoryAfterMiB": after >> 20,
            "memoryLaterMiB": later >> 20,
            "kibPerConnection": each(after),
            "kibPerConnectionLater": each(later),
            "seconds": bench.idle_seconds,
            "cpuSeconds": round(shares.server_seconds),
            "cpuSecondsPer1000WorkerMinutes": round(shares.server_seconds / thousand_minutes),
            "cpuOfOthers": round(shares.others),
        },
    });
    fleet.stop().await;
    up.process.stop(Duration::from_secs(10)).await;
    Ok(document)
}

/// Lets this process and those that it starts open so many files. Errors: the machine doesn't allow it.
fn allow_files(wanted: u64) -> Result<(), Failure> {
    let failed = |error| Failure::failed(format!("limit of open files: {error}"));
    let (now, most) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
    if most < wanted {
        return Err(Failure::failed(format!("{wanted} open files are needed, {most} allowed (ulimit -Hn)")));
    }
    setrlimit(Resource::RLIMIT_NOFILE, now.max(wanted), most).map_err(failed)
}

/// The value of a metric without labels; 0 where there is none.
fn metric(text: &str, name: &str) -> f64 {
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse::<f64>().ok();
    text.lines().find_map(value).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    #[test]
    fn reads_one_metric() {
        let text = "# TYPE a gauge\na_more 7\na 3\n";
        assert!((super::metric(text, "a") - 3.0).abs() < f64::EPSILON);
        assert!(super::metric(text, "b").abs() < f64::EPSILON);
    }
}
