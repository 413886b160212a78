//! `ukai scrape`: one shot. A server and a browser worker for as long as it takes, nothing left behind.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::task_add::{follow, print, verdict};
use crate::exit::Failure;
use crate::output::Output;
use crate::processes::{UpProcess, until_interrupted};

/// Which pages.
#[derive(Args, Debug)]
pub(crate) struct Scrape {
    /// Addresses to scrape.
    #[arg(value_name = "URL", required = true)]
    urls: Vec<String>,
    /// Browsers at work at once.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    workers: u16,
    /// The shortest pause between two pages.
    #[arg(long, value_name = "MS", default_value_t = 1_000)]
    min_delay_ms: u32,
    /// The longest pause between two pages.
    #[arg(long, value_name = "MS", default_value_t = 2_000)]
    max_delay_ms: u32,
    /// Lets pages be on this machine or in the local network.
    #[arg(long)]
    allow_private_targets: bool,
    /// Takes a picture of each page.
    #[arg(long)]
    screenshot: bool,
    /// Keeps each page's markup.
    #[arg(long)]
    html: bool,
    /// Where pictures and markup are written.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    files: PathBuf,
}

impl Scrape {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        let tasks = until_interrupted(Box::pin(self.scrape(output))).await?;
        print(output, &tasks);
        verdict(&tasks)
    }

    async fn scrape(&self, output: Output) -> Result<Vec<serde_json::Value>, Failure> {
        let folder = tempfile::Builder::new().prefix("ukai-scrape-").tempdir()?;
        let (min, max) =
            (self.min_delay_ms.to_string(), self.max_delay_ms.max(self.min_delay_ms).to_string());
        let mut flags = vec!["--min-delay-ms", &min, "--max-delay-ms", &max];
        if self.allow_private_targets {
            flags.push("--allow-private-targets");
        }
        let up = UpProcess::start(folder.path(), &flags).await?;
        let mut workers = Vec::new();
        for n in 1..=self.workers {
            workers.push(up.browser_worker(folder.path(), &format!("scrape-{n}"), &flags).await?);
        }
        up.connected(&mut workers, Duration::from_secs(60)).await?;
        let options = json!({ "screenshot": self.screenshot, "html": self.html });
        let task = |url| json!({ "productUrl": url, "options": options });
        let tasks: Vec<_> = self.urls.iter().map(task).collect();
        let made = up.client.post("api/tasks/batch", &json!({ "tasks": tasks })).await?;
        let ids = made["items"].as_array().into_iter().flatten();
        let ids = ids.filter_map(|task| task["id"].as_str().map(str::to_owned)).collect();
        let ended = tokio::select! {
            ended = follow(&up.client, ids, output) => ended?,
            failed = watch(&mut workers) => return Err(failed),
        };
        if self.screenshot || self.html {
            self.fetch(&up, &ended, output).await?;
        }
        for worker in workers {
            worker.stop(Duration::from_secs(10)).await;
        }
        up.process.stop(Duration::from_secs(10)).await;
        Ok(ended)
    }
}

impl Scrape {
    async fn fetch(
        &self,
        up: &UpProcess,
        tasks: &[serde_json::Value],
        output: Output,
    ) -> Result<(), Failure> {
        for task in tasks {
            let id = task["id"].as_str().unwrap_or_default();
            for path in crate::files::fetch(&up.client, id, &self.files).await? {
                output.say(&path.display().to_string());
            }
        }
        Ok(())
    }
}

/// Ends only when a worker's process does.
async fn watch(workers: &mut [crate::processes::Process]) -> Failure {
    loop {
        for worker in workers.iter_mut() {
            if let Err(failure) = worker.check() {
                return failure;
            }
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
