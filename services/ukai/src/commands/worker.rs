//! `ukai worker`: a real Chromium that takes tasks from a server.

use clap::Args;
use ukai_boot::Shutdown;
use ukai_worker::WorkerConfig;

use crate::exit::Failure;

/// Runs a worker.
#[derive(Args, Debug)]
pub(crate) struct Worker {
    #[command(flatten)]
    config: WorkerConfig,
}

impl Worker {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let shutdown = Shutdown::new();
        shutdown.listen()?;
        Ok(Box::pin(ukai_worker::run(self.config, shutdown)).await?)
    }
}
