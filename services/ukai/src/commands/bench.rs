//! `ukai bench`: measures a server of its own, with clients that are processes of their own.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::bench;
use crate::exit::Failure;
use crate::output::Output;
use crate::processes::until_interrupted;

/// The measurement.
#[derive(Args, Clone, Debug)]
pub(crate) struct Bench {
    /// Tasks of each drain.
    #[arg(long, default_value_t = 40_000, value_parser = clap::value_parser!(u32).range(100..=2_000_000))]
    pub(crate) tasks: u32,
    /// Workers, each with a token and an authenticated socket of its own, in two processes.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..=5_000))]
    pub(crate) workers: u32,
    /// Waiting tasks for the comparison without, with and again without a backlog; 0 leaves it out.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=5_000_000))]
    pub(crate) backlog: u32,
    /// Single posts for the latency.
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(10..=100_000))]
    pub(crate) posts: u32,
    /// Measures on the empty PostgreSQL database at this address instead of a file of its own; one on this machine has
    /// its processor time counted.
    #[arg(long, value_name = "URL")]
    pub(crate) database_url: Option<String>,
    /// Adds the comparison without, with and again without a snapshot that somebody holds open in PostgreSQL.
    #[arg(long, requires = "database_url")]
    pub(crate) hold_snapshot: bool,
    /// Measures the queue alone: the scheduler and its store in this process, waiting tasks, workers that do nothing,
    /// no sockets.
    #[arg(long, conflicts_with_all = ["backlog", "hold_snapshot"])]
    pub(crate) queue_only: bool,
    /// Measures what so many connected workers without work cost the server: memory of each, and processor time of
    /// their heartbeats. Leaves out all other measurements.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=50_000),
        conflicts_with_all = ["backlog", "hold_snapshot", "queue_only", "database_url"])]
    pub(crate) idle_workers: u32,
    /// Seconds over which their heartbeats are measured.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(5..=3_600))]
    pub(crate) idle_seconds: u32,
    /// Compares with what this version must reach and fails below it. On one machine's file: 8,000 tasks/s drained,
    /// latency p50 2.5 ms and p99 8 ms, at most 10 % slower with the backlog. On PostgreSQL: 5,000 tasks/s, 40 µs of its
    /// processor time a task, at most 10 % slower with the backlog and 15 % with the snapshot; of the queue alone 35,000
    /// tasks/s.
    #[arg(long)]
    pub(crate) check: bool,
    /// Gives up after so many seconds.
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    pub(crate) limit: u64,
    /// The server's database is made in a temporary folder below this one; a RAM disk would measure nothing durable.
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    pub(crate) dir: PathBuf,
}

impl Bench {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        let limit = Duration::from_secs(self.limit);
        let check = self.check;
        let measured = until_interrupted(async {
            tokio::time::timeout(limit, Box::pin(bench::run(&self, output)))
                .await
                .map_err(|_| Failure::failed(format!("not done after {} s (--limit)", limit.as_secs())))?
        })
        .await?;
        Output { json: true }.answer(&measured, |_| String::new());
        if check { bench::judge(&measured) } else { Ok(()) }
    }
}
