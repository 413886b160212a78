//! Under which public address this machine is seen: asked now and then, never needed.

use std::{sync::Arc, time::Duration};

use futures::StreamExt;
use serde::Deserialize;
use tokio::{
    sync::{Notify, watch},
    time::Instant,
};
use url::Url;

use crate::clock;

const AFTER_FAILURE: Duration = Duration::from_secs(5 * 60);
/// A connection that comes and goes does not make for a question each time.
const AT_LEAST: Duration = Duration::from_secs(5);
const LIMIT: Duration = Duration::from_secs(10);
const MOST_BYTES: usize = 64 << 10;

/// What is known; empty where unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NetworkInfo {
    pub(crate) external_ip: String,
    pub(crate) isp_name: String,
    pub(crate) last_checked_at: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    ip: String,
    #[serde(default)]
    org: String,
}

/// Whom to ask, and how often.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) url: Url,
    pub(crate) token: Option<String>,
    pub(crate) every: Duration,
}

/// Asks at once, then as often as the service says and whenever `again` is poked, until nobody listens any more.
pub(crate) async fn run(service: Service, again: Arc<Notify>, info: watch::Sender<NetworkInfo>) {
    let every = service.every;
    let client = match reqwest::Client::builder().timeout(LIMIT).user_agent("ukai-worker").build() {
        Ok(client) => client,
        Err(error) => {
            tracing::warn!(%error, "the public address can't be asked for");
            return;
        }
    };
    loop {
        let asked = Instant::now();
        let next = match ask(&client, &service).await {
            Ok(found) => {
                info.send_replace(found);
                every
            }
            Err(error) => {
                tracing::debug!(error, "the public address is unknown");
                every.min(AFTER_FAILURE)
            }
        };
        tokio::select! {
            () = tokio::time::sleep(next) => {}
            () = again.notified() => tokio::time::sleep_until(asked + AT_LEAST.min(every)).await,
            () = info.closed() => return,
        }
    }
}

async fn ask(client: &reqwest::Client, service: &Service) -> Result<NetworkInfo, String> {
    let request = client.get(service.url.clone());
    let request = match &service.token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    // The address of the service may hold a token.
    let response = request.send().await.and_then(reqwest::Response::error_for_status);
    let mut body = response.map_err(|error| error.without_url().to_string())?.bytes_stream();
    let mut bytes = Vec::new();
    while let Some(part) = body.next().await {
        bytes.extend_from_slice(&part.map_err(|error| error.without_url().to_string())?);
        if bytes.len() > MOST_BYTES {
            return Err("the answer is too long".to_owned());
        }
    }
    read(&bytes, clock::now())
}

fn read(bytes: &[u8], now: String) -> Result<NetworkInfo, String> {
    let answer: Answer = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let plain = |text: String| text.trim().chars().filter(|c| !c.is_control()).take(200).collect::<String>();
    Ok(NetworkInfo { external_ip: plain(answer.ip), isp_name: plain(answer.org), last_checked_at: now })
}

#[cfg(test)]
mod tests {
    use super::{NetworkInfo, read};

    #[test]
    fn reads_what_is_there() {
        let info = read(br#"{"ip":"8.8.8.8","org":"AS1 Net\u0000","x":1}"#, "now".to_owned()).unwrap();
        let expected = NetworkInfo {
            external_ip: "8.8.8.8".to_owned(),
            isp_name: "AS1 Net".to_owned(),
            last_checked_at: "now".to_owned(),
        };
        assert_eq!(info, expected);
        assert_eq!(read(b"{}", "now".to_owned()).unwrap().external_ip, "");
        assert!(read(b"<html>", "now".to_owned()).is_err());
    }
}
