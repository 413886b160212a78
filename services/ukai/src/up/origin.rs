//! The one origin: REST, sockets and the reference page behind one listener.

use super::UpConfig;
use anyhow::Context;
use axum::http::{HeaderName, HeaderValue, Method, header};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tower_http::cors::{AllowOrigin, CorsLayer};
use ukai_boot::http::ListenLimits;
use ukai_boot::{Health, Shutdown};
use ukai_gateway::{Config, Gateway, Proxies};

/// The gateway's settings out of the process's.
pub(super) fn gateway_config(config: &UpConfig, enroll_token: Option<String>) -> anyhow::Result<Config> {
    let proxies = Proxies::parse(&config.proxies.trusted_proxies.join(","))
        .map_err(|message| anyhow::anyhow!("--trusted-proxies: {message}"))?;
    Ok(Config { enroll_token, origins: config.origins.list(), trusted_proxies: proxies, ..Config::default() })
}

/// Everything that the port serves.
pub(super) fn router(config: &UpConfig, api: axum::Router, gateway: &Gateway) -> axum::Router {
    let origins: Vec<HeaderValue> =
        config.origins.list().iter().filter_map(|o| HeaderValue::from_str(o).ok()).collect();
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            HeaderName::from_static("idempotency-key"),
            HeaderName::from_static("last-event-id"),
        ])
        .max_age(Duration::from_secs(600));
    api.layer(cors).merge(gateway.routes())
}

/// `/metrics` without a key, on an address of its own.
pub(super) async fn serve_metrics(
    address: SocketAddr,
    health: Health,
    front: &Shutdown,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(address).await.with_context(|| format!("--metrics-listen {address}"))?;
    let (open, metrics) = ukai_boot::health_routes(health);
    front.spawn(ukai_boot::http::serve(
        listener,
        open.merge(metrics),
        front.clone(),
        ListenLimits::default(),
    ));
    Ok(())
}
