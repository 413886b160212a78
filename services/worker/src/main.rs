//! `ukai-worker`: one machine's browser in the fleet.

use clap::Parser;
use std::process::ExitCode;
use ukai_boot::config::{Log, Otlp};
use ukai_worker::WorkerConfig;

/// Fetches pages for an Ukai server in a real Chromium on this machine.
#[derive(Parser)]
#[command(name = "ukai-worker", version, after_help = ukai_boot::EXIT_CODES)]
struct Arguments {
    #[command(flatten)]
    worker: WorkerConfig,

    #[command(flatten)]
    log: Log,

    #[command(flatten)]
    otlp: Otlp,
}

fn main() -> ExitCode {
    let Arguments { worker, log, otlp } = ukai_boot::parse();
    ukai_boot::run("ukai-worker", &log, &otlp, |shutdown, tracer| {
        ukai_worker::run(WorkerConfig { tracer, ..worker }, shutdown)
    })
}
