//! `ukai-gateway`: parses the command line, runs the service, ends with its exit code.

use clap::Parser;
use std::process::ExitCode;
use ukai_boot::config::{Log, Otlp};
use ukai_gateway::process::{ProcessConfig, run};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Workers' sockets.
#[derive(Parser)]
#[command(name = "ukai-gateway", version, after_help = ukai_boot::EXIT_CODES, max_term_width = 110)]
struct Arguments {
    #[command(flatten)]
    config: ProcessConfig,

    #[command(flatten)]
    log: Log,

    #[command(flatten)]
    otlp: Otlp,
}

fn main() -> ExitCode {
    let Arguments { config, log, otlp } = Arguments::parse();
    ukai_boot::run("ukai-gateway", &log, &otlp, |shutdown, tracer| run(config, tracer, shutdown))
}
