//! A small S3: one bucket in memory, every request's signature checked.

use super::signature;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::net::TcpListener;

pub(super) const BUCKET: &str = "bucket";
pub(super) const KEY: &str = "AKIDEXAMPLE";
pub(super) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
pub(super) const REGION: &str = "eu-central-1";

#[derive(Clone)]
pub(super) struct Object {
    pub(super) headers: HeaderMap,
    bytes: Bytes,
    modified: &'static str,
}

#[derive(Default)]
struct Bucket {
    objects: BTreeMap<String, Object>,
    is_full: bool,
    counts: BTreeMap<String, usize>,
    refusals: Vec<String>,
}

type Shared = Arc<Mutex<Bucket>>;

pub(super) struct Server {
    pub(super) url: String,
    bucket: Shared,
    serving: tokio::task::JoinHandle<()>,
}

impl Server {
    pub(super) async fn start() -> Self {
        let bucket = Shared::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&bucket));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, bucket, serving }
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap()
    }

    pub(super) fn object(&self, key: &str) -> Option<Object> {
        self.bucket().objects.get(key).cloned()
    }

    /// Requests that were served, by method; `refused` ones apart.
    pub(super) fn count(&self, what: &str) -> usize {
        let bucket = self.bucket();
        if what == "refused" && !bucket.refusals.is_empty() {
            eprintln!("refused: {}", bucket.refusals.join("\n"));
        }
        bucket.counts.get(what).copied().unwrap_or(0)
    }

    pub(super) fn set_full(&self, is_full: bool) {
        self.bucket().is_full = is_full;
    }

    pub(super) fn make_old(&self) {
        self.bucket()
            .objects
            .values_mut()
            .for_each(|object| object.modified = "Thu, 01 Jan 2026 00:00:00 GMT");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn answer(
    State(bucket): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut bucket = bucket.lock().unwrap();
    if let Err(why) = signature::is_right((&method, &uri, &headers), &body, (KEY, SECRET, REGION)) {
        *bucket.counts.entry("refused".to_owned()).or_default() += 1;
        bucket.refusals.push(why);
        return error(StatusCode::FORBIDDEN, "SignatureDoesNotMatch");
    }
    *bucket.counts.entry(method.to_string()).or_default() += 1;
    let Some(key) = uri.path().strip_prefix(&format!("/{BUCKET}")) else {
        return error(StatusCode::NOT_FOUND, "NoSuchBucket");
    };
    let key = key.trim_start_matches('/').to_owned();
    if method == Method::PUT {
        return put(&mut bucket, key, &headers, body);
    }
    if method == Method::DELETE {
        bucket.objects.remove(&key);
        return StatusCode::NO_CONTENT.into_response();
    }
    if key.is_empty() {
        return list(&bucket);
    }
    match bucket.objects.get(&key) {
        Some(object) => get(object, &headers),
        None => error(StatusCode::NOT_FOUND, "NoSuchKey"),
    }
}

fn put(bucket: &mut Bucket, key: String, headers: &HeaderMap, bytes: Bytes) -> Response {
    if bucket.is_full {
        return error(StatusCode::INSUFFICIENT_STORAGE, "XMinioStorageFull");
    }
    let mut kept = HeaderMap::new();
    for name in [header::CONTENT_TYPE, header::CONTENT_DISPOSITION, header::CACHE_CONTROL] {
        if let Some(value) = headers.get(&name) {
            kept.insert(name, value.clone());
        }
    }
    bucket.objects.insert(key, Object { headers: kept, bytes, modified: "Fri, 01 Jan 2100 00:00:00 GMT" });
    (StatusCode::OK, [(header::ETAG, "\"1\"")]).into_response()
}

fn get(object: &Object, headers: &HeaderMap) -> Response {
    let size = object.bytes.len();
    let range = headers.get(header::RANGE).and_then(|value| {
        let (first, last) = value.to_str().ok()?.strip_prefix("bytes=")?.split_once('-')?;
        Some((first.parse::<usize>().ok()?, last.parse::<usize>().ok()?.min(size - 1)))
    });
    let mut response = match range {
        None => object.bytes.clone().into_response(),
        Some((first, last)) => {
            let part = object.bytes.slice(first..=last);
            let said = format!("bytes {first}-{last}/{size}");
            (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, said)], part).into_response()
        }
    };
    let told = response.headers_mut();
    told.extend(object.headers.clone());
    told.insert(header::LAST_MODIFIED, HeaderValue::from_static(object.modified));
    told.insert(header::ETAG, HeaderValue::from_static("\"1\""));
    response
}

fn list(bucket: &Bucket) -> Response {
    let mut xml = String::from("<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>false</IsTruncated>");
    for (key, object) in &bucket.objects {
        let modified = if object.modified.contains("2026") { "2026-01-01" } else { "2100-01-01" };
        xml.push_str(&format!(
            "<Contents><Key>{key}</Key><LastModified>{modified}T00:00:00.000Z</LastModified>\
             <ETag>\"1\"</ETag><Size>{}</Size></Contents>",
            object.bytes.len()
        ));
    }
    xml.push_str("</ListBucketResult>");
    ([(header::CONTENT_TYPE, "application/xml")], xml).into_response()
}

fn error(status: StatusCode, code: &str) -> Response {
    (status, format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code></Error>")).into_response()
}
