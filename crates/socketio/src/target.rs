//! Where to connect, and the bounds of one connection.

use std::time::Duration;

use url::Url;

use crate::ConnectError;

/// A server and a namespace on it.
#[derive(Debug, Clone)]
pub struct Target {
    /// `http(s)://` or `ws(s)://`, with a query if the server wants one. A path is the prefix of `/socket.io/`.
    pub url: Url,
    /// The namespace, `/` or `/workers`.
    pub namespace: String,
    /// The bounds of a connection.
    pub limits: Limits,
}

/// The bounds of one connection.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The largest message that is read, in bytes.
    pub max_message: usize,
    /// The most bytes that wait to be written; more is refused with `Full`.
    pub max_unsent: usize,
    /// The most attachments of one binary packet.
    pub max_attachments: usize,
    /// The whole handshake, from the dial to the namespace's answer.
    pub connect_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_message: 4 << 20,
            max_unsent: 8 << 20,
            max_attachments: 8,
            connect_timeout: Duration::from_secs(10),
        }
    }
}

impl Target {
    /// A target with the default limits.
    ///
    /// # Errors
    /// [`ConnectError::Address`] if the URL does not parse or its scheme is none of http, https, ws, wss.
    pub fn new(url: &str, namespace: &str) -> Result<Self, ConnectError> {
        let url = Url::parse(url).map_err(|error| ConnectError::Address(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https" | "ws" | "wss") {
            return Err(ConnectError::Address(format!("unknown scheme {}", url.scheme())));
        }
        let namespace =
            if namespace.starts_with('/') { namespace.to_owned() } else { format!("/{namespace}") };
        Ok(Self { url, namespace, limits: Limits::default() })
    }

    /// The address of the WebSocket upgrade.
    pub(crate) fn websocket_url(&self) -> String {
        let mut url = self.url.clone();
        let scheme = if matches!(url.scheme(), "https" | "wss") { "wss" } else { "ws" };
        // Both are special schemes, so the change is always allowed.
        let _ = url.set_scheme(scheme);
        let path = format!("{}/socket.io/", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url.query_pairs_mut().append_pair("EIO", "4").append_pair("transport", "websocket");
        url.set_fragment(None);
        url.into()
    }

    /// `/workers,`, or nothing for the root namespace: what stands between a packet's type and its id.
    pub(crate) fn packet_prefix(&self) -> String {
        if self.namespace == "/" { String::new() } else { format!("{},", self.namespace) }
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn keeps_query_and_prefix() {
        let target = Target::new("http://h:1/base/?token=a%20b", "workers").unwrap();
        assert_eq!(target.websocket_url(), "ws://h:1/base/socket.io/?token=a%20b&EIO=4&transport=websocket");
        assert_eq!(target.packet_prefix(), "/workers,");
        assert_eq!(
            Target::new("https://h", "/").unwrap().websocket_url(),
            "wss://h/socket.io/?EIO=4&transport=websocket"
        );
    }

    #[test]
    fn refuses_other_schemes() {
        assert!(Target::new("ftp://h", "/").is_err());
        assert!(Target::new("not an address", "/").is_err());
    }
}
