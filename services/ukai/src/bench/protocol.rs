//! What the benchmark and its client processes say to each other: one JSON object a line.

use serde::{Deserialize, Serialize};

/// To the clients.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "do")]
pub(crate) enum Order {
    /// Connects a worker for each token. Answered by `Connected` when all are registered.
    Connect {
        /// The server.
        url: String,
        /// One a worker.
        tokens: Vec<String>,
    },
    /// Connects so many workers that register themselves, one after the other. Answered by `Connected`.
    Crowd {
        /// The server.
        url: String,
        /// The enrolment token.
        token: String,
        /// How many.
        workers: u32,
        /// New connections a second.
        per_second: u32,
    },
    /// Posts single tasks, each when the one before has ended. Answered by `Latency`.
    Latency {
        /// The server.
        url: String,
        /// An admin key.
        key: String,
        /// How many.
        posts: u32,
    },
    /// Finishes what is held, takes nothing new, closes. Answered by `Drained`.
    Drain,
    /// Writes each accepted task's id to the file. Answered by `Written`.
    Write {
        /// One id a line.
        file: String,
    },
}

/// From the clients.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "is")]
pub(crate) enum News {
    /// All workers are registered.
    Connected,
    /// The times from a post to its `task:assigned`.
    Latency {
        /// Microseconds, in the order of the posts.
        micros: Vec<u64>,
    },
    /// All sockets are closed, nothing is held.
    Drained,
    /// The ids are written.
    Written {
        /// Accepted results.
        accepted: u64,
        /// Answers that a result had counted before.
        duplicates: u64,
        /// Results that were refused, and `error` events.
        refused: u64,
    },
    /// How far they are; told ten times a second while it changes.
    Progress {
        /// Accepted results since the process started.
        accepted: u64,
        /// When the last of them was answered, in microseconds of Unix time.
        at: u64,
    },
    /// Something went wrong that makes the measurement worthless.
    Failed {
        /// What.
        why: String,
    },
}

/// Unix time in microseconds: all processes of a benchmark are on one machine.
pub(crate) fn now() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_micros()).unwrap_or(u64::MAX))
}
