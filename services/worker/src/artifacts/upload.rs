//! The way of a file to the server: HTTP with the worker's token, tried again while there is time.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bytes::Bytes;
use rand::RngExt;
use reqwest::{StatusCode, header, redirect};
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use super::File;

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const CONNECT: Duration = Duration::from_secs(10);
/// Less time is not worth a try.
const SHORTEST_TRY: Duration = Duration::from_millis(100);
/// Of an answer's text.
const MOST_TEXT: usize = 300;

/// Why the server doesn't have a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The server's code, or `UNAVAILABLE`.
    pub(super) code: String,
    pub(super) message: String,
}

/// A try that brought nothing.
#[derive(Debug)]
enum Failed {
    /// It will fail again.
    For(Refusal),
    /// It may work later; the server may say when.
    Now(Refusal, Option<Duration>),
}

/// Brings files.
#[derive(Debug)]
pub(crate) struct Uploader {
    client: reqwest::Client,
    address: Url,
    token: String,
    /// How the server calls this worker; with the enrolment token it must be told.
    worker_id: Mutex<String>,
}

impl Uploader {
    /// `server` is the address that the socket has too; a path is a prefix.
    ///
    /// # Errors
    /// No HTTP client can be made.
    pub(crate) fn new(server: &Url, token: &str) -> anyhow::Result<Self> {
        ukai_boot::init_tls();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            // The token goes to this server and to no other.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent("ukai-worker")
            .build()
            .context("no HTTP client")?;
        let mut address = server.clone();
        address.set_path(&format!("{}/api/artifacts", server.path().trim_end_matches('/')));
        address.set_fragment(None);
        Ok(Self { client, address, token: token.to_owned(), worker_id: Mutex::default() })
    }

    pub(super) fn introduce(&self, worker_id: &str) {
        worker_id.clone_into(&mut self.worker_id.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Brings one file; the server's answer.
    pub(super) async fn put(
        &self,
        task_id: &str,
        run: u32,
        file: &File,
        bytes: Arc<[u8]>,
        until: Instant,
    ) -> Result<Value, Refusal> {
        let url = self.url(task_id, run, file, &bytes);
        let bytes = Bytes::from_owner(bytes);
        let mut pause = FIRST_PAUSE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let failed = self.attempt(url.clone(), file.content_type, bytes.clone(), left).await;
            let (refusal, told) = match failed {
                Ok(answer) => return Ok(answer),
                Err(Failed::For(refusal)) => return Err(refusal),
                Err(Failed::Now(refusal, told)) => (refusal, told),
            };
            let spread = rand::rng().random_range(0.5..1.0);
            let wait = told.unwrap_or_default().min(LONGEST_PAUSE).max(pause.mul_f64(spread));
            if Instant::now() + wait + SHORTEST_TRY > until {
                return Err(refusal);
            }
            tracing::debug!(
                task.id = task_id,
                run,
                code = refusal.code,
                message = refusal.message,
                "brought again"
            );
            tokio::time::sleep(wait).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn url(&self, task_id: &str, run: u32, file: &File, bytes: &[u8]) -> Url {
        let hash: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let mut url = self.address.clone();
        let worker_id = self.worker_id.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pairs = url.query_pairs_mut();
        pairs
            .clear()
            .append_pair("taskId", task_id)
            .append_pair("run", &run.to_string())
            .append_pair("kind", file.kind)
            .append_pair("sha256", &hash);
        if let Some(name) = &file.name {
            pairs.append_pair("name", name);
        }
        pairs.append_pair("workerId", &worker_id);
        drop(pairs);
        url
    }

    async fn attempt(
        &self,
        url: Url,
        content_type: &str,
        bytes: Bytes,
        limit: Duration,
    ) -> Result<Value, Failed> {
        let away = |error: &reqwest::Error| {
            let mut cause: &dyn std::error::Error = error;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            Failed::Now(refusal("UNAVAILABLE", &cause.to_string()), None)
        };
        let request = self.client.put(url).bearer_auth(&self.token).timeout(limit);
        let request = request.header(header::CONTENT_TYPE, content_type).body(bytes);
        let response = request.send().await.map_err(|error| away(&error))?;
        let (status, told) = (response.status(), retry_after(&response));
        let answer = response.bytes().await.map_err(|error| away(&error))?;
        judge(status, told, &answer)
    }
}

/// What an answer means. Pure.
fn judge(status: StatusCode, told: Option<Duration>, answer: &[u8]) -> Result<Value, Failed> {
    let read: Option<Value> = serde_json::from_slice(answer).ok();
    if status.is_success() {
        return read.filter(Value::is_object).ok_or_else(|| {
            Failed::For(refusal("UNAVAILABLE", "the server's answer to a file can't be understood"))
        });
    }
    let text = |key: &str| read.as_ref().and_then(|read| read[key].as_str());
    let refusal = match (text("code"), text("message")) {
        (Some(code), Some(message)) => refusal(code, message),
        _ => refusal("UNAVAILABLE", &format!("the server takes no files: HTTP status {status}")),
    };
    let later = matches!(
        status,
        StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::INTERNAL_SERVER_ERROR
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
            | StatusCode::INSUFFICIENT_STORAGE
    );
    Err(if later { Failed::Now(refusal, told) } else { Failed::For(refusal) })
}

fn retry_after(response: &reqwest::Response) -> Option<Duration> {
    let seconds = response.headers().get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn refusal(code: &str, message: &str) -> Refusal {
    let short = |text: &str| text.chars().filter(|c| !c.is_control()).take(MOST_TEXT).collect();
    Refusal { code: short(code), message: short(message) }
}

#[cfg(test)]
mod tests {
    use super::{Failed, File, Uploader, judge};
    use reqwest::StatusCode;
    use url::Url;

    #[test]
    fn answers_are_final_or_may_change() {
        let body = br#"{"code":"X","message":"why","timestamp":"t"}"#;
        for (status, later) in [
            (400, false),
            (401, false),
            (403, false),
            (404, false),
            (409, false),
            (413, false),
            (415, false),
            (429, true),
            (500, true),
            (502, true),
            (503, true),
            (507, true),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            match judge(status, None, body).unwrap_err() {
                Failed::For(refusal) => assert!(!later && refusal.code == "X", "{status}"),
                Failed::Now(refusal, _) => assert!(later && refusal.message == "why", "{status}"),
            }
        }
        assert!(judge(StatusCode::CREATED, None, br#"{"id":"a"}"#).is_ok());
        assert!(matches!(judge(StatusCode::OK, None, b"<html>"), Err(Failed::For(_))));
        let Err(Failed::For(refusal)) = judge(StatusCode::NOT_FOUND, None, b"<html>") else {
            panic!("final")
        };
        assert_eq!(refusal.code, "UNAVAILABLE");
    }

    #[test]
    fn the_address_keeps_the_servers_prefix() {
        for (server, want) in [
            ("https://ukai.example", "https://ukai.example/api/artifacts?"),
            ("http://ukai.example:81/pre/", "http://ukai.example:81/pre/api/artifacts?"),
        ] {
            let uploader = Uploader::new(&Url::parse(server).unwrap(), "t").unwrap();
            uploader.introduce("w");
            let mut file = File {
                kind: "html",
                name: None,
                content_type: "text/html",
                extension: "html",
                bytes: Err(String::new()),
            };
            let url = uploader.url("a&b", 3, &file, b"abc").to_string();
            assert!(
                url.starts_with(want) && url.contains("taskId=a%26b&run=3&kind=html&sha256=ba7816bf"),
                "{url}"
            );
            assert!(url.ends_with("&workerId=w") && !url.contains("name="), "{url}");
            file.name = Some("a b.html".to_owned());
            assert!(uploader.url("t", 3, &file, b"abc").as_str().ends_with("&name=a+b.html&workerId=w"));
        }
    }
}
