//! `ukai-gateway`: parses the command line, runs the service, ends with its exit code.

use clap::Parser;
use std::process::ExitCode;
use ukai_boot::config::{Log, Otlp};
use ukai_gateway::process::{ProcessConfig, run};

// The system's allocator, unlike in the other processes: ten thousand sockets hold a few pieces of the same odd sizes each,
// and mimalloc's size classes and half-filled pages made a quarter more of them.

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
    let Arguments { config, log, otlp } = ukai_boot::parse();
    ukai_boot::run("ukai-gateway", &log, &otlp, |shutdown, tracer| run(config, tracer, shutdown))
}
