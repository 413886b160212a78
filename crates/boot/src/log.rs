//! Logs: to standard error, one line an event, levels by `UKAI_LOG`.

use std::io::IsTerminal;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

/// `filter` as in `info,ukai_scheduler=debug`; a filter that can't be read falls back to `info`.
/// The socket libraries stay at `info` at most, because below it they print tokens; the bus's tells what our own log
/// tells. Harmless when called again.
pub fn init(filter: &str, json: bool) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info")).add_directives([
        "socketioxide=info",
        "engineioxide=info",
        "chromiumoxide=error",
        "tungstenite=info",
        "hyper=info",
        "async_nats=warn",
    ]);
    let registry = tracing_subscriber::registry().with(filter);
    let _already = if json {
        registry.with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr)).try_init()
    } else {
        registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_writer(std::io::stderr),
            )
            .try_init()
    };
}

trait AddDirectives {
    fn add_directives<const N: usize>(self, directives: [&str; N]) -> Self;
}

impl AddDirectives for EnvFilter {
    fn add_directives<const N: usize>(self, directives: [&str; N]) -> Self {
        directives.iter().filter_map(|d| d.parse().ok()).fold(self, Self::add_directive)
    }
}
