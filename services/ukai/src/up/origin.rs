//! The one origin: REST, sockets and the reference page behind one listener.

use super::UpConfig;
use ukai_boot::Usage;
use ukai_boot::trace::Tracer;
use ukai_gateway::{Config, Gateway, Proxies};

/// The gateway's settings out of the process's.
pub(super) fn gateway_config(
    config: &UpConfig,
    enroll_token: Option<String>,
    tracer: Tracer,
) -> Result<Config, Usage> {
    let proxies = Proxies::parse(&config.proxies.trusted_proxies.join(","))
        .map_err(|message| Usage(format!("--trusted-proxies: {message}")))?;
    let origins = config.origins.list();
    Ok(Config { enroll_token, origins, trusted_proxies: proxies, tracer, ..Config::default() })
}

/// Everything that the port serves.
pub(super) fn router(config: &UpConfig, api: axum::Router, gateway: &Gateway) -> axum::Router {
    api.layer(ukai_api::cors(&config.origins.list())).merge(gateway.routes())
}
