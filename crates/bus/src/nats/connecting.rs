//! The first connection and the rules for all later ones. A server that isn't there yet is waited for; an address,
//! user or certificate that can't work is said at once.

use super::NatsBus;
use super::events::Line;
use super::metrics::Metrics;
use super::options::NatsOptions;
use super::replies::Replies;
use super::subscribing::{self, Losses};
use crate::Bus;
use async_nats::{Client, ConnectErrorKind, ConnectOptions, ServerAddr};
use prometheus_client::registry::Registry;
use rand::RngExt;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

/// One try: name, TCP, TLS, greeting.
const TRY: Duration = Duration::from_secs(2);
/// The longest wait between two tries; each is drawn evenly from nothing up to a bound that doubles to this.
const MAX_WAIT: Duration = Duration::from_secs(4);
/// The bound of the first wait.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// What no waiting would mend.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address or the service's name.
    #[error("the address of the bus can't be used: {0}")]
    Address(String),
    /// User, password or token.
    #[error("the bus at {hosts} refuses this user or password")]
    Refused {
        /// Without credentials.
        hosts: String,
    },
    /// The certificate, or a server that speaks no TLS.
    #[error("no TLS with the bus at {hosts}: {message}")]
    Tls {
        /// Without credentials.
        hosts: String,
        /// The library's words.
        message: String,
    },
    /// The file of authorities.
    #[error("{path}: {error}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why it can't be read.
        error: std::io::Error,
    },
    /// The library refuses the inbox.
    #[error("the bus can't be used: {0}")]
    Unusable(#[from] crate::BusError),
}

/// Connects the service that `options` name. Returns also while the server isn't there: [`Bus::status`] tells, and
/// it is tried for ever. Metrics go into `registry` under `ukai_bus_`.
///
/// # Errors
/// What no waiting would mend: a wrong address, user, password or certificate.
pub async fn connect(options: NatsOptions, registry: &mut Registry) -> Result<Arc<dyn Bus>, ConnectError> {
    Ok(NatsBus::connect(options, registry).await?)
}

impl NatsBus {
    /// [`connect`], as its own type.
    ///
    /// # Errors
    /// As there.
    pub async fn connect(options: NatsOptions, registry: &mut Registry) -> Result<Arc<Self>, ConnectError> {
        let (line, losses) = (Arc::new(Line::new()), Arc::new(Losses::default()));
        let metrics = Metrics::register(registry);
        let library = library_options(&options).await?.event_callback({
            let (line, losses, metrics) = (Arc::clone(&line), Arc::clone(&losses), metrics.clone());
            move |event| {
                line.hear(&event, &losses, &metrics);
                std::future::ready(())
            }
        });
        let client = first(&options, library).await?;
        line.look(&client, &metrics);
        let replies = Arc::new(Replies::new(client.new_inbox()));
        let inbox = subscribing::open(&client, &replies.pattern()).await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&replies).receive(inbox));
        tasks.spawn(Arc::clone(&line).follow(client.clone(), metrics.clone()));
        let (servers, prefix) = (Mutex::new(HashMap::new()), options.prefix);
        Ok(Arc::new(Self {
            client,
            line,
            replies,
            losses,
            metrics,
            prefix,
            servers,
            tasks: Mutex::new(tasks),
        }))
    }
}

async fn library_options(options: &NatsOptions) -> Result<ConnectOptions, ConnectError> {
    let mut library = ConnectOptions::new()
        .name(format!("ukai-{}", options.name))
        .custom_inbox_prefix(format!("_INBOX.{}", options.inbox()))
        .ping_interval(options.ping_every)
        .connection_timeout(TRY)
        .reconnect_delay_callback(|attempts| wait_bound(attempts).mul_f64(rand::rng().random::<f64>()))
        .require_tls(options.tls);
    if let Some((user, password)) = &options.user {
        library = library.user_and_password(user.clone(), password.clone());
    }
    if let Some(token) = &options.token {
        library = library.token(token.clone());
    }
    if let Some(path) = &options.tls_ca {
        // The library would find out at each try, and try on.
        if let Err(error) = tokio::fs::metadata(path).await {
            return Err(ConnectError::File { path: path.clone(), error });
        }
        library = library.add_root_certificates(path.clone());
    }
    Ok(library)
}

/// A first try in the foreground, for the sake of its error; then in the background for ever.
async fn first(options: &NatsOptions, library: ConnectOptions) -> Result<Client, ConnectError> {
    let servers = options.servers.iter().map(|url| ServerAddr::from_url(url.clone()));
    let servers: Vec<ServerAddr> =
        servers.collect::<Result<_, _>>().map_err(|error| ConnectError::Address(error.to_string()))?;
    let hosts = options.hosts();
    let error = match Box::pin(library.clone().connect(&servers)).await {
        Ok(client) => return Ok(client),
        Err(error) => error,
    };
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
            return Err(ConnectError::Refused { hosts });
        }
        ConnectErrorKind::Tls => return Err(ConnectError::Tls { hosts, message: error.to_string() }),
        ConnectErrorKind::ServerParse => return Err(ConnectError::Address(error.to_string())),
        _ if is_tls(&error) => return Err(ConnectError::Tls { hosts, message: error.to_string() }),
        ConnectErrorKind::Dns
        | ConnectErrorKind::TimedOut
        | ConnectErrorKind::Io
        | ConnectErrorKind::MaxReconnects => {}
    }
    tracing::warn!(%error, hosts, "the bus can't be reached yet: trying on");
    let client = Box::pin(library.retry_on_initial_connect().connect(&servers)).await;
    client.map_err(|error| ConnectError::Address(error.to_string()))
}

/// TLS' own errors come as errors of reading and writing.
fn is_tls(error: &async_nats::ConnectError) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::InvalidData)
}

/// `attempts` counts from 1.
fn wait_bound(attempts: usize) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
    (FIRST_WAIT * 2_u32.pow(doublings)).min(MAX_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_bound() {
        let bounds: Vec<_> = (1..=8).map(|n| wait_bound(n).as_millis()).collect();
        assert_eq!(bounds, [100, 200, 400, 800, 1_600, 3_200, 4_000, 4_000]);
        assert_eq!(wait_bound(usize::MAX), MAX_WAIT);
    }
}
