//! `ukai up`: all of Ukai on one machine.

use clap::Args;
use ukai_boot::Shutdown;
use ukai_boot::trace::Telemetry;

use crate::exit::Failure;
use crate::up::UpConfig;

/// Runs Ukai on this machine.
#[derive(Args, Debug)]
pub(crate) struct Up {
    #[command(flatten)]
    config: UpConfig,
}

impl Up {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        self.config.check()?;
        let shutdown = Shutdown::new();
        shutdown.listen()?;
        let telemetry = Telemetry::start("ukai", &self.config.otlp)?;
        let ended = Box::pin(crate::up::run(self.config, telemetry.tracer(), shutdown)).await;
        telemetry.stop().await;
        Ok(ended?)
    }
}
