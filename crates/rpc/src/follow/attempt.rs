//! One call as it is sent, perhaps more than once, and what became of a sending.

use super::connection::Link;
use crate::status::{LEADER_METADATA, STANDBY_METADATA};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use std::time::Duration;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::http::{HeaderMap, HeaderValue, Request, Response, Uri, header, request::Parts, uri};

/// Calls that change nothing, or that may be made twice: their answer may be asked for again.
const REPEATABLE: [&str; 9] = [
    "Probe",
    "GetHost",
    "GetQueue",
    "WhyTask",
    "GetWorker",
    "ListWorkers",
    "ReportLost",
    "ConfigureWorker",
    "SetHost",
];

/// A call with its whole body.
pub(super) struct Call {
    parts: Parts,
    body: Bytes,
}

/// What became of one sending.
pub(super) enum Sent {
    /// The leader answered, one way or the other.
    Answered(Response<Body>),
    /// Who was asked doesn't lead, and did nothing.
    StandsBy { leader: Option<String> },
    /// The connection was over before anything left.
    Unsent,
    /// The connection ended before the answer was here: the outcome is unknown.
    Broken,
    /// No answer in time: the outcome is unknown.
    Silence,
}

impl Call {
    /// The scheduler gives up after `limit` as well.
    pub(super) async fn read(
        request: Request<Body>,
        token: Option<&HeaderValue>,
        limit: Duration,
    ) -> Result<Self, Status> {
        let (mut parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        if let Some(token) = token {
            parts.headers.insert(header::AUTHORIZATION, token.clone());
        }
        if let Ok(limit) = format!("{}m", limit.as_millis()).parse() {
            parts.headers.insert("grpc-timeout", limit);
        }
        Ok(Self { parts, body })
    }

    pub(super) fn changes_nothing(&self) -> bool {
        let method = self.parts.uri.path().rsplit('/').next();
        method.is_some_and(|method| REPEATABLE.contains(&method))
    }

    pub(super) async fn send(&self, link: &Link) -> Sent {
        let Some(request) = self.request(link.address()) else { return Sent::Unsent };
        let response = match link.sender.clone().try_send_request(request).await {
            Ok(response) => response,
            Err(mut error) => {
                tracing::debug!(error = %error.error(), "a call of the scheduler broke off");
                return if error.take_message().is_some() { Sent::Unsent } else { Sent::Broken };
            }
        };
        if let Some(leader) = standby(response.headers()) {
            return Sent::StandsBy { leader };
        }
        let (parts, body) = response.into_parts();
        match body.collect().await {
            Ok(body) => Sent::Answered(Response::from_parts(parts, Body::new(body))),
            Err(error) => {
                tracing::debug!(%error, "an answer of the scheduler broke off");
                Sent::Broken
            }
        }
    }

    fn request(&self, address: &str) -> Option<Request<Full<Bytes>>> {
        let mut parts = uri::Parts::from(self.parts.uri.clone());
        parts.scheme = Some(uri::Scheme::HTTP);
        parts.authority = Some(address.parse().ok()?);
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.parts.method.clone();
        *request.uri_mut() = Uri::from_parts(parts).ok()?;
        *request.headers_mut() = self.parts.headers.clone();
        Some(request)
    }
}

/// Whether these are the headers of a standby's refusal, and whom it names.
fn standby(headers: &HeaderMap) -> Option<Option<String>> {
    headers.get(STANDBY_METADATA)?;
    Some(headers.get(LEADER_METADATA).and_then(|value| value.to_str().ok()).map(str::to_owned))
}
