//! Which pages of other origins may use REST.

use axum::http::{HeaderName, HeaderValue, Method, header};
use std::time::Duration;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Lets pages of `origins` in, with their browser's credentials, as the pipeline dialect's client asks for; the own
/// origin always is.
pub fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<_> = origins.iter().filter_map(|o| HeaderValue::from_str(o).ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
        ])
        .max_age(Duration::from_secs(600))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::Request;
    use tower::ServiceExt;

    #[tokio::test]
    async fn pages_that_are_named_may_use_their_credentials() {
        let named = "https://shop.example";
        let routes = axum::Router::new()
            .route("/", axum::routing::get(|| async {}))
            .layer(cors(&[named.to_owned(), "http://localhost:5173".to_owned()]));
        for (method, origin, is_let_in) in [
            (Method::GET, named, true),
            (Method::OPTIONS, named, true),
            (Method::GET, "https://other.example", false),
            (Method::OPTIONS, "https://other.example", false),
        ] {
            let request = Request::builder().method(&method).uri("/").header(header::ORIGIN, origin);
            let request = request.header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
            let answer = routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            let shown = answer.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
            assert_eq!(shown.is_some_and(|shown| shown == origin), is_let_in, "{method} {origin}");
            assert!(shown.is_none_or(|shown| shown != "*"));
            let credentials = answer.headers().get(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
            assert!(!is_let_in || credentials.is_some_and(|value| value == "true"), "{method} {origin}");
        }
    }
}
