//! `ukai bench-workers`: the clients of a benchmark, steered by JSON lines on standard input.

use clap::Args;

use crate::bench::clients;
use crate::exit::Failure;

/// Clients on one thread: all times are of one clock, and the server keeps the rest of the machine.
#[derive(Args, Debug)]
pub(crate) struct BenchWorkers {}

impl BenchWorkers {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let thread = std::thread::Builder::new().name("clients".to_owned()).spawn(|| {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(Failure::from)
                .and_then(|runtime| runtime.block_on(clients::run()))
        })?;
        tokio::task::spawn_blocking(move || thread.join())
            .await
            .map_err(|error| Failure::failed(error.to_string()))?
            .map_err(|_| Failure::failed("the clients' thread ended abnormally"))?
    }
}
