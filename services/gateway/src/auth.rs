//! Tokens of workers: who they are, remembered for half a minute. Revocation does not wait for that: every connect goes
//! to the leader, who refuses a worker that is gone.

use crate::bucket::Bucket;
use crate::config::Limits;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use subtle::ConstantTimeEq;
use ukai_domain::WorkerId;
use ukai_store::{Reads, StoreError};

/// Characters of a token that it is looked up by.
const PREFIX: usize = 16;
/// How long an answer is remembered, good or bad.
const REMEMBERED: Duration = Duration::from_secs(30);
/// Answers and addresses that are remembered at most.
const MAX_REMEMBERED: usize = 20_000;
/// Longer tokens are not looked at.
const MAX_TOKEN: usize = 512;

/// Whose token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bearer {
    /// A worker with a token of its own.
    Worker(WorkerId),
    /// A holder of the enrolment token.
    Enrolling,
    /// Nobody's.
    Stranger,
}

/// Checks tokens and keeps count of strangers.
pub(crate) struct Authenticator {
    enroll: Option<[u8; 32]>,
    reads: Arc<dyn Reads>,
    answers: Mutex<HashMap<[u8; 32], (Bearer, Instant)>>,
    strangers: Mutex<HashMap<IpAddr, Bucket>>,
    strangers_per_second: u32,
}

impl Authenticator {
    /// `enroll` is the pre-shared token, if there is one.
    pub(crate) fn new(enroll: Option<&str>, reads: Arc<dyn Reads>, limits: &Limits) -> Self {
        Self {
            enroll: enroll.map(digest),
            reads,
            answers: Mutex::default(),
            strangers: Mutex::default(),
            strangers_per_second: limits.strangers_per_second,
        }
    }

    /// The bearer, if it is known without the store.
    pub(crate) fn remembered(&self, token: &str, now: Instant) -> Option<Bearer> {
        if token.is_empty() || token.len() > MAX_TOKEN {
            return Some(Bearer::Stranger);
        }
        let digest = digest(token);
        if self.enroll.is_some_and(|enroll| bool::from(enroll.ct_eq(&digest))) {
            return Some(Bearer::Enrolling);
        }
        let answers = lock(&self.answers);
        answers.get(&digest).filter(|(_, at)| now.duration_since(*at) < REMEMBERED).map(|(bearer, _)| *bearer)
    }

    /// The bearer of any token.
    pub(crate) async fn bearer(&self, token: &str, now: Instant) -> Result<Bearer, StoreError> {
        if let Some(bearer) = self.remembered(token, now) {
            return Ok(bearer);
        }
        let digest = digest(token);
        let prefix: String = token.chars().take(PREFIX).collect();
        let found = self.reads.worker_token(&prefix).await?;
        // An unknown prefix takes the same way.
        let (hash, worker) = found.map_or((String::new(), None), |t| (t.hash, Some(t.worker)));
        let matches = bool::from(hex::encode(digest).as_bytes().ct_eq(hash.as_bytes()));
        let bearer = worker.filter(|_| matches).map_or(Bearer::Stranger, Bearer::Worker);
        let mut answers = lock(&self.answers);
        if answers.len() >= MAX_REMEMBERED {
            answers.retain(|_, (_, at)| now.duration_since(*at) < REMEMBERED);
            if answers.len() >= MAX_REMEMBERED {
                answers.clear();
            }
        }
        answers.insert(digest, (bearer, now));
        Ok(bearer)
    }

    /// Those of `workers` whose tokens were revoked since.
    pub(crate) async fn revoked(&self, workers: Vec<WorkerId>) -> Result<Vec<WorkerId>, StoreError> {
        self.reads.gone_workers(workers).await
    }

    /// Forgets an answer: the leader knew better.
    pub(crate) fn forget(&self, worker: WorkerId) {
        lock(&self.answers).retain(|_, (bearer, _)| *bearer != Bearer::Worker(worker));
    }

    /// Counts a connect of `address` whose token isn't known yet; `false` when there were too many.
    pub(crate) fn charge(&self, address: IpAddr, now: Instant) -> bool {
        let rate = self.strangers_per_second;
        let mut strangers = lock(&self.strangers);
        if strangers.len() >= MAX_REMEMBERED {
            strangers.retain(|_, bucket| !bucket.is_full(now));
            if strangers.len() >= MAX_REMEMBERED {
                strangers.clear();
            }
        }
        let fresh = || Bucket::new(rate, rate.saturating_mul(2), now);
        strangers.entry(address).or_insert_with(fresh).take(now)
    }

    /// The connect turned out to be a known worker's.
    pub(crate) fn refund(&self, address: IpAddr) {
        if let Some(bucket) = lock(&self.strangers).get_mut(&address) {
            bucket.give_back();
        }
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A value of a query string, percent-decoded (`+` is a space there).
pub(crate) fn query_value(query: &str, key: &str) -> Option<String> {
    let value = query.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))?;
    let mut out = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let hex = [bytes.next()?, bytes.next()?];
                out.push(u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?);
            }
            other => out.push(other),
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::query_value;

    #[test]
    fn query_values_are_decoded() {
        let cases = [
            ("token=a%26b&EIO=4", "token", Some("a&b")),
            ("EIO=4&token=x+y%2B", "token", Some("x y+")),
            ("mytoken=x", "token", None),
            ("token=%zz", "token", None),
            ("token=%ff", "token", None),
            ("token=%f", "token", None),
            ("token=", "token", Some("")),
            ("", "token", None),
        ];
        for (query, key, want) in cases {
            assert_eq!(query_value(query, key).as_deref(), want, "{query}");
        }
    }
}
