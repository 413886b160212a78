//! `ukai-faults`: runs rows on real processes and writes the table.

use std::process::ExitCode;

use clap::Parser;
use ukai_faults::command::{Arguments, run};

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    run(Arguments::parse()).await
}
