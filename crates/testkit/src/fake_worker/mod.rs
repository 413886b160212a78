//! A worker without a browser: it speaks the real protocol over a real socket, and makes its records up.
//!
//! It behaves as a worker must: it comes back after a cut with what it holds, keeps a result until the server has
//! answered it, and drops what it is told to drop. Killed, it forgets everything, as a machine that lost its disk.

mod messages;
mod session;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use ukai_socketio::{ConnectError, Target};

pub use messages::PRODUCT;

/// How a fake worker behaves.
#[derive(Debug, Clone)]
pub struct FakeWorker {
    /// The server's `http://…` address.
    pub url: String,
    /// Other addresses of the same fleet: after each cut it dials the next one.
    pub others: Vec<String>,
    /// Its token, sent in the query as the contract says.
    pub token: String,
    /// How long a page takes: evenly spread between the two; equal bounds of zero report at once.
    pub page: Range<Duration>,
    /// The longest wait before it dials again.
    pub reconnect: Duration,
    /// Tasks held at once; told to the server.
    pub capacity: u32,
    /// Seed of its page times and waits.
    pub seed: u64,
    /// What a page links to, by its address: with it the worker crawls too.
    pub links: Option<fn(&str) -> Vec<String>>,
    /// It goes on with what it is told to drop: a worker that hangs.
    pub ignores_cancels: bool,
}

/// How a fake worker is ended.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    /// Takes nothing new, finishes what it holds, closes.
    pub drain: CancellationToken,
    /// Is gone at once: nothing more is sent, not even a close.
    pub kill: CancellationToken,
}

/// What happened at a fake worker; times are when it was read from the socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// `worker:registered`.
    Registered,
    /// `task:assigned`.
    Assigned {
        /// The task's id.
        task: String,
        /// Its run; 0 where the server told none.
        run: u64,
    },
    /// `task:cancelled`.
    Cancelled {
        /// The task's id.
        task: String,
    },
    /// `task:completed` was sent.
    Reported {
        /// The task's id.
        task: String,
        /// The run that was reported.
        run: u64,
    },
    /// The server's answer to `task:completed`.
    Answered {
        /// The task's id.
        task: String,
        /// The run that was reported.
        run: u64,
        /// The answer.
        answer: Answer,
    },
    /// An `error` event, as JSON.
    Error(String),
    /// The connection ended or couldn't be made.
    Cut(String),
}

/// The server's answer to a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It counts.
    Accepted,
    /// It counted before.
    Duplicate,
    /// It doesn't count, with the reason.
    Refused(String),
}

/// Is told of everything, from the worker's own task.
pub type Observer = Arc<dyn Fn(Happening) + Send + Sync>;

/// A run that the worker holds.
#[derive(Debug)]
struct Held {
    run: u64,
    url: String,
    /// When its page is done.
    due: Instant,
    /// The report is out and unanswered.
    reported: bool,
}

/// What outlives a connection.
struct Memory {
    held: HashMap<String, Held>,
    random: StdRng,
    completed: u64,
    begun: Instant,
}

/// How a connection ended.
enum Ended {
    /// Everything is done.
    Drained,
    /// It was cut; dial again.
    Cut,
}

impl FakeWorker {
    /// A worker whose pages take no time.
    #[must_use]
    pub fn new(url: &str, token: &str, seed: u64) -> Self {
        Self {
            url: url.to_owned(),
            others: Vec::new(),
            token: token.to_owned(),
            page: Duration::ZERO..Duration::ZERO,
            reconnect: Duration::from_secs(1),
            capacity: 1,
            seed,
            links: None,
            ignores_cancels: false,
        }
    }

    /// Works until it is drained or killed. Errors: an address that can't be dialled at all.
    pub async fn run(self, ending: Ending, observe: Observer) -> Result<(), ConnectError> {
        let targets = self.targets()?;
        let mut memory = Memory {
            held: HashMap::new(),
            random: StdRng::seed_from_u64(self.seed),
            completed: 0,
            begun: Instant::now(),
        };
        let work = async {
            for target in targets.iter().cycle() {
                match session::run(&self, target, &mut memory, &ending.drain, &observe).await {
                    Ended::Drained => return,
                    Ended::Cut => {}
                }
                let wait = self.reconnect.mul_f64(memory.random.random::<f64>());
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = ending.drain.cancelled(), if memory.held.is_empty() => return,
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = ending.kill.cancelled() => {}
        }
        Ok(())
    }

    fn targets(&self) -> Result<Vec<Target>, ConnectError> {
        let all = std::iter::once(&self.url).chain(&self.others);
        all.map(|url| {
            let mut target = Target::new(url, "/workers")?;
            target.url.query_pairs_mut().append_pair("token", &self.token);
            Ok(target)
        })
        .collect()
    }
}

impl Memory {
    fn page(&mut self, range: &Range<Duration>) -> Duration {
        let spread = range.end.saturating_sub(range.start);
        range.start + spread.mul_f64(self.random.random::<f64>())
    }
}
