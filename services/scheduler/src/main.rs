//! `ukai-scheduler`: parses the command line, runs the service, ends with its exit code.

use clap::Parser;
use std::process::ExitCode;
use ukai_boot::config::{Log, Otlp};
use ukai_scheduler::process::{ProcessConfig, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The one writer of the queue: leads, or stands by to lead.
#[derive(Parser)]
#[command(name = "ukai-scheduler", version, after_help = ukai_boot::EXIT_CODES, max_term_width = 110)]
struct Arguments {
    #[command(flatten)]
    config: ProcessConfig,

    #[command(flatten)]
    log: Log,

    #[command(flatten)]
    otlp: Otlp,
}

fn main() -> ExitCode {
    // Where tests make it fail, from the environment: in their builds alone.
    #[cfg(feature = "failpoints")]
    let _points = fail::FailScenario::setup();
    let Arguments { config, log, otlp } = ukai_boot::parse();
    ukai_boot::run("ukai-scheduler", &log, &otlp, |shutdown, tracer| run(config, tracer, shutdown))
}
