//! `ukai-api`: parses the command line, runs the service, ends with its exit code.

use clap::Parser;
use std::process::ExitCode;
use ukai_api::process::{ProcessConfig, run};
use ukai_boot::config::{Log, Otlp};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// REST, its OpenAPI document and the reference page.
#[derive(Parser)]
#[command(name = "ukai-api", version, after_help = ukai_boot::EXIT_CODES, max_term_width = 110)]
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
    ukai_boot::run("ukai-api", &log, &otlp, |shutdown, tracer| run(config, tracer, shutdown))
}
