//! `ukai-worker`: one machine's browser in the fleet.

use std::process::ExitCode;

use clap::Parser;
use ukai_boot::Shutdown;
use ukai_worker::WorkerConfig;

/// Fetches pages for an Ukai server in a real Chromium on this machine.
#[derive(Parser)]
#[command(name = "ukai-worker", version)]
struct Arguments {
    #[command(flatten)]
    worker: WorkerConfig,

    /// What is logged: `info`, `debug`, `info,ukai_browser=debug`.
    #[arg(long, env = "UKAI_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    ukai_boot::init_log(&arguments.log, false);
    ukai_boot::init_tls();
    let shutdown = Shutdown::new();
    let outcome = match shutdown.listen() {
        Ok(()) => ukai_worker::run(arguments.worker, shutdown).await,
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("the worker can't go on: {error:#}");
            ExitCode::FAILURE
        }
    }
}
