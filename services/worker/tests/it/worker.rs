//! A worker under test.

use std::{path::Path, sync::Arc};

use clap::Parser;
use tokio::task::JoinHandle;
use ukai_boot::Shutdown;
use ukai_worker::{PageFetcher, WorkerConfig};

use crate::server::soon;

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    worker: WorkerConfig,
}

pub fn config(address: &str, state: &Path, more: &[&str]) -> WorkerConfig {
    let server = format!("http://{address}");
    let mut line = vec!["worker", "--server", &server, "--name", "test", "--state-dir"];
    line.push(state.to_str().unwrap());
    for (flag, value) in
        [("--token", "good"), ("--min-delay-ms", "0"), ("--max-delay-ms", "0"), ("--ipinfo-url", "off")]
    {
        if !more.contains(&flag) {
            line.extend([flag, value]);
        }
    }
    line.extend(more);
    Arguments::try_parse_from(line).unwrap().worker
}

pub struct Worker {
    shutdown: Shutdown,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Worker {
    pub fn start(config: WorkerConfig, pages: Arc<dyn PageFetcher>) -> Self {
        let shutdown = Shutdown::new();
        let task = tokio::spawn(Box::pin(ukai_worker::run_with(config, pages, shutdown.clone())));
        Self { shutdown, task }
    }

    /// As SIGTERM does.
    pub fn stop(&self) {
        self.shutdown.stop();
    }

    pub async fn ended(self) -> anyhow::Result<()> {
        soon(self.task).await.unwrap()
    }

    /// As SIGKILL does: nothing more is said or written.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}
