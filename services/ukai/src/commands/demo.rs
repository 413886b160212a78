//! `ukai demo`: a sample shop, a server, two browsers, and the records that come out.

use std::path::PathBuf;

use clap::Args;

use crate::demo;
use crate::exit::Failure;
use crate::output::Output;
use crate::processes::until_interrupted;

/// The demonstration.
#[derive(Args, Debug)]
pub(crate) struct Demo {
    /// Folder for everything that the demo writes; made anew each time.
    #[arg(long, default_value = "./ukai-demo", value_name = "FOLDER")]
    dir: PathBuf,
    /// Products to scrape.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u32).range(1..=500))]
    products: u32,
    /// Browsers at work at once.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=8))]
    workers: u16,
}

impl Demo {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        let folder = demo::Folder::make(&self.dir)?;
        until_interrupted(Box::pin(demo::run(&folder, self.products, self.workers, output))).await
    }
}
