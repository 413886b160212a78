//! The REST client: what the command line can do at a server, through the public API alone.

use std::time::Duration;

use clap::Args;
use reqwest::Method;
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::exit::Failure;

/// Which server, and with which key.
#[derive(Args, Clone, Debug)]
pub(crate) struct Server {
    /// The server's address.
    #[arg(long, env = "UKAI_URL", default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub(crate) url: Url,

    /// An API key; needed unless the server runs with --auth off.
    #[arg(long, env = "UKAI_KEY", value_name = "KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
}

/// A request that didn't give what was asked for.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// No answer at all.
    #[error("no answer from {url}: {reason}")]
    Unreachable {
        /// The server's address.
        url: String,
        /// What the network said.
        reason: String,
    },
    /// An answer in the API's error shape.
    #[error("{code}: {message}{}", fields(details))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The machine code.
        code: String,
        /// For people.
        message: String,
        /// What is wrong with which field.
        details: Vec<String>,
    },
    /// An answer that isn't the API's.
    #[error("the answer of {url} is not Ukai's (HTTP status {status})")]
    Unreadable {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
    },
}

fn fields(details: &[String]) -> String {
    if details.len() < 2 { String::new() } else { format!(" ({})", details.join("; ")) }
}

/// A server and a key. Clones share the connections.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    base: Url,
    key: Option<String>,
    http: reqwest::Client,
}

impl Client {
    /// Connects at the first request. Errors: an address that isn't http(s).
    pub(crate) fn new(server: &Server) -> Result<Self, Failure> {
        ukai_boot::init_tls();
        if !matches!(server.url.scheme(), "http" | "https") {
            return Err(Failure::usage(format!("{} is not an http(s) address", server.url)));
        }
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .timeout(Duration::from_secs(60))
            .tcp_nodelay(true)
            .build()
            .map_err(|error| Failure::failed(format!("can't make an HTTP client: {error}")))?;
        let mut base = server.url.clone();
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Self { base, key: server.key.clone(), http })
    }

    /// `GET path`.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, ApiError> {
        self.send(Method::GET, path, None).await
    }

    /// `POST path`; carries an idempotency key, so that a repeat after a lost answer does nothing twice.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Any other request.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, ApiError> {
        let idempotency = (method == Method::POST).then(|| Uuid::new_v4().to_string());
        let mut attempt = 0;
        loop {
            let mut request = self.request(method.clone(), path)?;
            if let Some(body) = body {
                request = request.json(body);
            }
            if let Some(key) = &idempotency {
                request = request.header("Idempotency-Key", key);
            }
            match self.answer(request, path).await {
                // An answer that got lost: the same again is safe.
                Err(ApiError::Unreachable { .. } | ApiError::Refused { status: 503, .. }) if attempt < 2 => {
                    attempt += 1;
                    tokio::time::sleep(Duration::from_millis(200 * attempt)).await;
                }
                other => return other,
            }
        }
    }

    /// `GET path` as text: for `/metrics`.
    pub(crate) async fn text(&self, path: &str) -> Result<String, ApiError> {
        let response =
            self.request(Method::GET, path)?.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let text = response.text().await.map_err(|error| self.unreachable(&error))?;
        if status == 200 { Ok(text) } else { Err(self.refusal(status, text.as_bytes(), path)) }
    }

    /// `GET path` as bytes: for files.
    pub(crate) async fn bytes(&self, path: &str) -> Result<Vec<u8>, ApiError> {
        let response =
            self.request(Method::GET, path)?.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        if status == 200 { Ok(bytes.to_vec()) } else { Err(self.refusal(status, &bytes, path)) }
    }

    fn request(&self, method: Method, path: &str) -> Result<reqwest::RequestBuilder, ApiError> {
        let url = self
            .base
            .join(path.trim_start_matches('/'))
            .map_err(|_| ApiError::Unreadable { url: path.to_owned(), status: 0 })?;
        let request = self.http.request(method, url);
        Ok(match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        })
    }

    async fn answer(&self, request: reqwest::RequestBuilder, path: &str) -> Result<Value, ApiError> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status().as_u16();
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        if !(200..300).contains(&status) {
            return Err(self.refusal(status, &body, path));
        }
        if body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&body).map_err(|_| ApiError::Unreadable { url: self.base.to_string(), status })
    }

    fn refusal(&self, status: u16, body: &[u8], path: &str) -> ApiError {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return ApiError::Unreadable { url: format!("{}{path}", self.base), status };
        };
        let (Some(code), Some(message)) = (body["code"].as_str(), body["message"].as_str()) else {
            return ApiError::Unreadable { url: format!("{}{path}", self.base), status };
        };
        let details = body["details"].as_array().into_iter().flatten();
        let details = details
            .map(|d| {
                format!("{}: {}", d["field"].as_str().unwrap_or("?"), d["message"].as_str().unwrap_or("?"))
            })
            .collect();
        ApiError::Refused { status, code: code.to_owned(), message: message.to_owned(), details }
    }

    fn unreachable(&self, error: &reqwest::Error) -> ApiError {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        ApiError::Unreachable { url: self.base.to_string(), reason: cause.to_string() }
    }
}

/// A value as one segment of a path.
pub(crate) fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}
