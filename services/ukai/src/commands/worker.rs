//! `ukai worker`: a real Chromium that takes tasks from a server.

use clap::Args;

use crate::exit::Failure;

/// Runs a worker.
#[derive(Args, Debug)]
pub(crate) struct Worker {}

impl Worker {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        Err(Failure::failed("the worker isn't composed yet"))
    }
}
