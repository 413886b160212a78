//! `ukai worker`: a real Chromium that takes tasks from a server.

use clap::Args;
use ukai_boot::Shutdown;
use ukai_boot::config::Otlp;
use ukai_boot::trace::Telemetry;
use ukai_worker::WorkerConfig;

use crate::exit::Failure;

/// Runs a worker.
#[derive(Args, Debug)]
pub(crate) struct Worker {
    #[command(flatten)]
    config: WorkerConfig,

    #[command(flatten)]
    otlp: Otlp,
}

impl Worker {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let shutdown = Shutdown::new();
        shutdown.listen()?;
        let telemetry = Telemetry::start("ukai-worker", &self.otlp)?;
        let config = WorkerConfig { tracer: telemetry.tracer(), ..self.config };
        let ended = Box::pin(ukai_worker::run(config, shutdown)).await;
        telemetry.stop().await;
        Ok(ended?)
    }
}
