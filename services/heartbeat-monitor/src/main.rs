//! `ukai-heartbeat-monitor`: parses the command line, runs the service, ends with its exit code.

use clap::Parser;
use std::process::ExitCode;
use ukai_boot::config::{Log, Otlp};
use ukai_heartbeat_monitor::process::{ProcessConfig, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Judges which workers still live.
#[derive(Parser)]
#[command(name = "ukai-heartbeat-monitor", version, after_help = ukai_boot::EXIT_CODES, max_term_width = 110)]
struct Arguments {
    #[command(flatten)]
    config: ProcessConfig,

    #[command(flatten)]
    log: Log,

    #[command(flatten)]
    otlp: Otlp,
}

fn main() -> ExitCode {
    let Arguments { config, log, otlp } = ukai_boot::parse();
    ukai_boot::run("ukai-heartbeat-monitor", &log, &otlp, |shutdown, tracer| run(config, tracer, shutdown))
}
