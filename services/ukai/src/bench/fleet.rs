//! The benchmark's side of its client processes.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::ChildStdin;
use tokio::sync::mpsc;

use super::protocol::{News, Order};
use crate::exit::Failure;
use crate::processes::{self, Process};

/// Two processes with half the workers each.
pub(crate) struct Fleet {
    halves: Vec<Half>,
}

struct Half {
    process: Process,
    orders: ChildStdin,
    news: mpsc::Receiver<News>,
    progress: Arc<Progress>,
    tokens: Vec<String>,
}

#[derive(Default)]
struct Progress {
    accepted: AtomicU64,
    at: AtomicU64,
}

/// What the client processes counted.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) accepted: u64,
    pub(crate) duplicates: u64,
    pub(crate) refused: u64,
}

impl Fleet {
    /// Starts the processes; nothing is connected yet.
    pub(crate) fn start(folder: &Path, tokens: Vec<String>) -> Result<Self, Failure> {
        let half = tokens.len().div_ceil(2);
        let halves = tokens.chunks(half).enumerate();
        let halves: Result<_, _> =
            halves.map(|(n, tokens)| Half::start(folder, n, tokens.to_vec())).collect();
        Ok(Self { halves: halves? })
    }

    /// Connects `workers` that register themselves with `token`, shared among the processes.
    pub(crate) async fn crowd(
        &mut self,
        url: &str,
        token: &str,
        workers: u32,
        per_second: u32,
    ) -> Result<(), Failure> {
        let halves = u32::try_from(self.halves.len()).unwrap_or(1).max(1);
        let (mut left, per_second) = (workers, per_second.div_ceil(halves));
        for half in &mut self.halves {
            let workers = left.min(workers.div_ceil(halves));
            left -= workers;
            let (url, token) = (url.to_owned(), token.to_owned());
            half.order(&Order::Crowd { url, token, workers, per_second }).await?;
        }
        for half in &mut self.halves {
            half.answer(Duration::from_secs(300)).await?;
        }
        Ok(())
    }

    /// Connects the first half alone, for what needs one clock.
    pub(crate) async fn connect_half(&mut self, url: &str) -> Result<(), Failure> {
        match self.halves.first_mut() {
            Some(half) => half.connect(url).await,
            None => Ok(()),
        }
    }

    /// Connects every worker.
    pub(crate) async fn connect(&mut self, url: &str) -> Result<(), Failure> {
        for half in &mut self.halves {
            half.connect(url).await?;
        }
        Ok(())
    }

    /// Times single posts at the first half.
    pub(crate) async fn latency(&mut self, url: &str, key: &str, posts: u32) -> Result<Vec<u64>, Failure> {
        let Some(half) = self.halves.first_mut() else { return Ok(Vec::new()) };
        half.order(&Order::Latency { url: url.to_owned(), key: key.to_owned(), posts }).await?;
        match half.answer(Duration::from_secs(300)).await? {
            News::Latency { micros } => Ok(micros),
            other => Err(Failure::failed(format!("unexpected: {other:?}"))),
        }
    }

    /// Disconnects every worker, nothing held.
    pub(crate) async fn drain(&mut self) -> Result<(), Failure> {
        for half in &mut self.halves {
            half.order(&Order::Drain).await?;
        }
        for half in &mut self.halves {
            half.answer(Duration::from_secs(90)).await?;
        }
        Ok(())
    }

    /// Accepted results so far, and when the last of them was answered.
    pub(crate) fn progress(&self) -> (u64, u64) {
        self.halves.iter().map(|half| &half.progress).fold((0, 0), |(accepted, at), progress| {
            (
                accepted + progress.accepted.load(Ordering::Acquire),
                at.max(progress.at.load(Ordering::Acquire)),
            )
        })
    }

    /// Waits for `target` accepted results in all. Errors: none more for 30 s, or a client process ended.
    pub(crate) async fn reach(
        &mut self,
        target: u64,
        mut show: impl FnMut(u64),
    ) -> Result<(u64, u64), Failure> {
        let mut last = self.progress();
        let mut changed = Instant::now();
        loop {
            let progress = self.progress();
            show(progress.0);
            if progress.0 >= target {
                return Ok(progress);
            }
            if progress != last {
                (last, changed) = (progress, Instant::now());
            }
            if changed.elapsed() > Duration::from_secs(30) {
                return Err(Failure::failed(format!("stuck at {} of {target} results for 30 s", progress.0)));
            }
            for half in &mut self.halves {
                half.process.check()?;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The ids of all accepted results, one entry an acceptance, and the counts.
    pub(crate) async fn accepted(&mut self, folder: &Path) -> Result<(Vec<String>, Totals), Failure> {
        let mut ids = Vec::new();
        let mut totals = Totals::default();
        for (n, half) in self.halves.iter_mut().enumerate() {
            let file = folder.join(format!("accepted-{n}"));
            half.order(&Order::Write { file: file.to_string_lossy().into_owned() }).await?;
            if let News::Written { accepted, duplicates, refused } =
                half.answer(Duration::from_secs(60)).await?
            {
                totals.accepted += accepted;
                totals.duplicates += duplicates;
                totals.refused += refused;
            }
            ids.extend(std::fs::read_to_string(file)?.lines().map(str::to_owned));
        }
        Ok((ids, totals))
    }

    /// The numbers of the client processes.
    pub(crate) fn ids(&self) -> Vec<u32> {
        self.halves.iter().map(|half| half.process.id()).collect()
    }

    /// Ends the processes.
    pub(crate) async fn stop(self) {
        for half in self.halves {
            drop(half.orders);
            half.process.stop(Duration::from_secs(5)).await;
        }
    }
}

impl Half {
    fn start(folder: &Path, n: usize, tokens: Vec<String>) -> Result<Self, Failure> {
        let mut command = processes::command()?;
        command.arg("bench-workers").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process =
            Process::start("benchmark's clients", command, &folder.join(format!("clients-{n}.log")))?;
        let gone = || Failure::failed("a client process has no standard streams");
        let orders = process.child().stdin.take().ok_or_else(gone)?;
        let output = process.child().stdout.take().ok_or_else(gone)?;
        let (sender, news) = mpsc::channel(16);
        let progress = Arc::new(Progress::default());
        let shared = Arc::clone(&progress);
        tokio::spawn(async move {
            let mut lines = BufReader::new(output).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                match serde_json::from_str(&line) {
                    Ok(News::Progress { accepted, at }) => {
                        shared.at.store(at, Ordering::Release);
                        shared.accepted.store(accepted, Ordering::Release);
                    }
                    Ok(news) => {
                        let _nobody_asks_any_more = sender.send(news).await;
                    }
                    Err(error) => tracing::warn!(%error, "a client process said something unreadable"),
                }
            }
        });
        Ok(Self { process, orders, news, progress, tokens })
    }

    async fn connect(&mut self, url: &str) -> Result<(), Failure> {
        let tokens = self.tokens.clone();
        self.order(&Order::Connect { url: url.to_owned(), tokens }).await?;
        self.answer(Duration::from_secs(90)).await.map(|_| ())
    }

    async fn order(&mut self, order: &Order) -> Result<(), Failure> {
        let mut line = serde_json::to_string(order).map_err(|error| Failure::failed(error.to_string()))?;
        line.push('\n');
        self.process.check()?;
        Ok(self.orders.write_all(line.as_bytes()).await?)
    }

    async fn answer(&mut self, limit: Duration) -> Result<News, Failure> {
        match tokio::time::timeout(limit, self.news.recv()).await {
            Ok(Some(News::Failed { why })) => Err(Failure::failed(why)),
            Ok(Some(news)) => Ok(news),
            Ok(None) => {
                self.process.check()?;
                Err(Failure::failed("a client process fell silent"))
            }
            Err(_) => Err(Failure::failed("a client process does not answer")),
        }
    }
}
