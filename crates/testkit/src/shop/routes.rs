//! The shop's addresses.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use futures::{StreamExt, stream};

use super::{Shop, pages};

type Params = Query<HashMap<String, String>>;

/// No page takes longer than this, whatever is asked for.
const MAX_DELAY_MS: u64 = 120_000;

impl Shop {
    /// The shop as a router, for a server of one's own.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/", get(list))
            .route("/list", get(list))
            .route("/product/{n}", get(product))
            .route("/jsonld/{n}", get(jsonld))
            .route("/dp/{asin}", get(amazon))
            .route("/static/{n}", get(static_page))
            .route("/slow", get(slow))
            .route("/flaky/{n}", get(flaky))
            .route("/captcha", get(async || Html(pages::captcha())))
            .route("/blocked", get(async || (StatusCode::FORBIDDEN, Html(pages::blocked()))))
            .route("/throttled", get(throttled))
            .route("/login", get(async || Html(pages::login())))
            .route("/redirect", get(redirect))
            .route("/spin", get(async || Html(pages::spin())))
            .route("/dialog", get(async || Html(pages::dialog())))
            .route("/huge", get(huge))
            .route("/img/{file}", get(picture))
            .route("/shop.css", get(async || ([(header::CONTENT_TYPE, "text/css")], pages::CSS)))
            .route("/robots.txt", get(async || "User-agent: *\nDisallow: /blocked\n"))
            .fallback(async || missing())
            .layer(from_fn_with_state(self.clone(), counted))
            .with_state(self.clone())
    }
}

async fn counted(State(shop): State<Shop>, request: Request, next: Next) -> Response {
    shop.count(request.uri().path());
    next.run(request).await
}

fn number(params: &HashMap<String, String>, name: &str) -> Option<u64> {
    params.get(name)?.parse().ok()
}

fn missing() -> Response {
    (StatusCode::NOT_FOUND, Html(pages::missing())).into_response()
}

async fn pause(params: &HashMap<String, String>, default_ms: u64) {
    let ms = number(params, "ms").unwrap_or(default_ms).min(MAX_DELAY_MS);
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

async fn list(State(shop): State<Shop>, Query(params): Params) -> Response {
    let page = number(&params, "page").and_then(|p| u32::try_from(p).ok()).unwrap_or(1);
    if page == 0 || page > shop.catalog.pages() {
        return missing();
    }
    Html(pages::listing(&shop.catalog, page)).into_response()
}

/// `?wait=MS` fills the page in that much later than its load.
async fn product(State(shop): State<Shop>, Path(n): Path<String>, Query(params): Params) -> Response {
    match n.parse() {
        Ok(n) => {
            let wait = number(&params, "wait").unwrap_or(0).min(MAX_DELAY_MS);
            Html(pages::scripted(&shop.catalog.item(n), wait)).into_response()
        }
        Err(_) => missing(),
    }
}

async fn jsonld(State(shop): State<Shop>, Path(n): Path<String>) -> Response {
    match n.parse() {
        Ok(n) => Html(pages::jsonld(&shop.catalog.item(n))).into_response(),
        Err(_) => missing(),
    }
}

async fn amazon(State(shop): State<Shop>, Path(asin): Path<String>) -> Response {
    match shop.catalog.item_of_asin(&asin) {
        Some(item) => Html(pages::amazon(&item)).into_response(),
        None => missing(),
    }
}

async fn static_page(Path(n): Path<String>) -> Response {
    match n.parse() {
        Ok(n) => Html(pages::note(n)).into_response(),
        Err(_) => missing(),
    }
}

/// `?ms=N` holds the answer back, with `?drip=1` only what follows the product's description; `?n=N` chooses it.
async fn slow(State(shop): State<Shop>, Query(params): Params) -> Response {
    let n = number(&params, "n").and_then(|n| u32::try_from(n).ok()).unwrap_or(1);
    let mut page = pages::jsonld(&shop.catalog.item(n));
    if !params.contains_key("drip") {
        pause(&params, 3_000).await;
        return Html(page).into_response();
    }
    let rest = page.split_off(page.find("<button>").unwrap_or(page.len()));
    let rest = async move {
        pause(&params, 3_000).await;
        rest
    };
    let parts = stream::once(async { page }).chain(stream::once(rest)).map(Ok::<_, Infallible>);
    Html(Body::from_stream(parts)).into_response()
}

/// Refuses the first `?fails=N` requests (2 unless told) of each number, then gives the product.
async fn flaky(State(shop): State<Shop>, Path(n): Path<String>, Query(params): Params) -> Response {
    let Ok(n) = n.parse::<u32>() else { return missing() };
    if shop.requests(&format!("/flaky/{n}")) <= number(&params, "fails").unwrap_or(2) {
        return busy(StatusCode::SERVICE_UNAVAILABLE);
    }
    Html(pages::jsonld(&shop.catalog.item(n))).into_response()
}

/// `?status=429` or 503, the default.
async fn throttled(Query(params): Params) -> Response {
    busy(match number(&params, "status") {
        Some(429) => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    })
}

fn busy(status: StatusCode) -> Response {
    (status, [(header::RETRY_AFTER, "5")], Html(pages::throttled())).into_response()
}

/// `?to=URL`.
async fn redirect(Query(params): Params) -> Response {
    params.get("to").map_or_else(missing, |to| Redirect::temporary(to).into_response())
}

/// `?kb=N` kilobytes of text, at most 64 MB.
async fn huge(Query(params): Params) -> Html<String> {
    let kb = number(&params, "kb").unwrap_or(1_024).min(65_536);
    Html(pages::huge(usize::try_from(kb).unwrap_or(1_024)))
}

async fn picture(State(shop): State<Shop>, Path(file): Path<String>) -> Response {
    match file.strip_suffix(".svg").and_then(|n| n.parse().ok()) {
        Some(n) => {
            ([(header::CONTENT_TYPE, "image/svg+xml")], pages::picture(&shop.catalog.item(n))).into_response()
        }
        None => missing(),
    }
}
