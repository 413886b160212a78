//! How any process answers a request that it refuses: the contract's error shape, with the headers of its code.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::time::{SystemTime, UNIX_EPOCH};
use ukai_domain::{Code, Timestamp};
use ukai_wire::ErrorBody;

/// Longest key that is looked at.
const MAX_KEY: usize = 512;

/// The answer of `code`, as of now.
pub fn refusal(code: Code, message: impl Into<String>) -> Response {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    failed(ErrorBody::new(code, message, Timestamp(0) + since))
}

/// An error as an answer: its status, and `Retry-After` or `WWW-Authenticate` where its code has one.
pub fn failed(body: ErrorBody) -> Response {
    let status = StatusCode::from_u16(body.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let header = match body.code {
        Code::Unavailable | Code::RateLimited => Some((header::RETRY_AFTER, HeaderValue::from_static("1"))),
        Code::AuthFailed => Some((header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
        _ => None,
    };
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().extend(header);
    response
}

/// `router`, with answers to unknown paths and to methods that a path doesn't have.
pub fn with_fallbacks(router: axum::Router) -> axum::Router {
    router.fallback(async || refusal(Code::NotFound, "no such path")).method_not_allowed_fallback(
        async || refusal(Code::MethodNotAllowed, "this path doesn't have that method"),
    )
}

/// The key of the one `Authorization: Bearer` header.
#[must_use]
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    let key = key.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !key.is_empty() && key.len() <= MAX_KEY).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_status_and_headers() {
        for (code, status, name) in [
            (Code::AuthFailed, 401, Some(header::WWW_AUTHENTICATE)),
            (Code::NotFound, 404, None),
            (Code::MethodNotAllowed, 405, None),
            (Code::RateLimited, 429, Some(header::RETRY_AFTER)),
            (Code::Unavailable, 503, Some(header::RETRY_AFTER)),
        ] {
            let answer = refusal(code, "no");
            assert_eq!(answer.status(), status, "{code:?}");
            assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/json");
            for header in [header::WWW_AUTHENTICATE, header::RETRY_AFTER] {
                assert_eq!(
                    answer.headers().contains_key(&header),
                    name.as_ref() == Some(&header),
                    "{code:?}"
                );
            }
        }
    }

    #[test]
    fn one_header_in_any_case() {
        let headers = |values: &[&str]| {
            let pairs = values.iter().map(|value| (header::AUTHORIZATION, value.parse().unwrap()));
            HeaderMap::from_iter(pairs)
        };
        assert_eq!(bearer(&headers(&["bearer a"])), Some("a"));
        assert_eq!(bearer(&headers(&["BEARER  a "])), Some("a"));
        assert_eq!(bearer(&headers(&["Basic a"])), None);
        assert_eq!(bearer(&headers(&["Bearer "])), None);
        assert_eq!(bearer(&headers(&[])), None);
    }
}
