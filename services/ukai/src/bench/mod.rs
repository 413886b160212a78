//! The measurement: a server with its shipped limits and durable storage, clients as separate processes, and at the
//! end the proof that nothing was lost or counted twice.

pub(crate) mod clients;
mod database;
mod fleet;
mod idle;
mod judge;
mod load;
mod machine;
mod phases;
mod protocol;
mod queue_only;
mod verify;

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};

use crate::commands::bench::Bench;
use crate::exit::Failure;
use crate::output::Output;
use crate::processes::UpProcess;

pub(crate) use judge::judge;

use database::Database;
use fleet::Fleet;
use phases::Stand;

/// Measures and gives the document. Errors: anything that makes the numbers worthless.
pub(crate) async fn run(bench: &Bench, output: Output) -> Result<Value, Failure> {
    let folder = tempfile::Builder::new().prefix("ukai-bench-").tempdir_in(&bench.dir)?;
    let database = match &bench.database_url {
        Some(url) => Some(Database::connect(url).await?),
        None => None,
    };
    if bench.idle_workers > 0 {
        return idle::run(bench, output, folder.path()).await;
    }
    if bench.queue_only {
        return queue_only::run(bench, output, database, folder.path()).await;
    }
    let environment: Vec<_> =
        bench.database_url.iter().map(|url| ("UKAI_DATABASE_URL", url.as_str())).collect();
    let up = UpProcess::start_with(folder.path(), &[], &environment).await?;
    if verify::balance(&up.client.get("api/queue").await?)? != verify::Balance::default() {
        return Err(Failure::failed("the database isn't empty: a measurement needs one of its own"));
    }
    let tokens: Vec<_> = stream::iter(0..bench.workers)
        .map(|n| {
            let up = &up;
            async move { up.token(&format!("bench-{n}")).await }
        })
        .buffered(8)
        .try_collect()
        .await?;
    let fleet = Fleet::start(folder.path(), tokens)?;
    let mut stand = Stand { bench: bench.clone(), output, up, fleet, database, ids: Vec::new() };

    stand.connect_half().await?;
    let latency = stand.latency().await?;
    stand.drain_workers().await?;
    stand.connect().await?;
    let stream = stand.stream().await?;
    let drain = stand.drained("drain", 50).await?;
    let backlog = if bench.backlog == 0 { Value::Null } else { stand.with_backlog(&drain).await? };
    let snapshot = if bench.hold_snapshot { stand.with_snapshot(&drain).await? } else { Value::Null };
    stand.drain_workers().await?;
    let verified = verify::verify(&mut stand, folder.path()).await?;
    let document = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "build": if cfg!(debug_assertions) { "debug" } else { "release" },
        "cores": std::thread::available_parallelism().map_or(0, usize::from),
        "store": if bench.database_url.is_some() { "postgresql" } else { "sqlite" },
        "workers": bench.workers,
        "tasks": bench.tasks,
        "latency": latency,
        "stream": stream,
        "drain": drain,
        "backlog": backlog,
        "snapshot": snapshot,
        "verified": verified,
    });
    stand.fleet.stop().await;
    stand.up.process.stop(std::time::Duration::from_secs(10)).await;
    Ok(document)
}

/// Microseconds a task by stage, between two readings.
fn per_task(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>, tasks: u64) -> Value {
    #[allow(clippy::cast_precision_loss)] // counts far below 2^52
    let tasks = tasks.max(1) as f64;
    let micros = |(stage, seconds): (&String, &f64)| {
        let spent = seconds - before.get(stage).copied().unwrap_or(0.0);
        (stage.clone(), json!(round(spent * 1e6 / tasks)))
    };
    Value::Object(after.iter().map(micros).collect())
}

/// Two decimals.
fn round(number: f64) -> f64 {
    (number * 100.0).round() / 100.0
}
