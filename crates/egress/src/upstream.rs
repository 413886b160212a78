//! Another proxy behind this one: asked for the checked address, never for the name.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::{Host, Url};

use crate::Network;

const LONGEST_HEAD: usize = 8 << 10;
const LIMIT: Duration = Duration::from_secs(20);

/// An HTTP proxy that understands `CONNECT`. Its text form shows no credentials.
#[derive(Clone)]
pub struct Upstream {
    host: Host<String>,
    port: u16,
    authorization: Option<String>,
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upstream({}:{})", self.host, self.port)
    }
}

impl Upstream {
    /// From `http://[user:password@]host[:port]`.
    ///
    /// # Errors
    /// Another scheme, no host, or a path; the text says which.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "the proxy's address does not parse")?;
        if url.scheme() != "http" {
            return Err("only http:// proxies are known");
        }
        if url.path() != "/" || url.query().is_some() {
            return Err("a proxy's address has no path");
        }
        let host = url.host().ok_or("the proxy's address has no host")?.to_owned();
        let named = !url.username().is_empty() || url.password().is_some();
        let pair = format!("{}:{}", decoded(url.username()), decoded(url.password().unwrap_or_default()));
        Ok(Self {
            host,
            port: url.port_or_known_default().unwrap_or(80),
            authorization: named.then(|| format!("Basic {}", base64(pair.as_bytes()))),
        })
    }

    /// A connection through it to `address`.
    pub(crate) async fn connect(&self, network: &dyn Network, address: SocketAddr) -> io::Result<TcpStream> {
        let reached = tokio::time::timeout(LIMIT, self.ask(network, address)).await;
        reached.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn ask(&self, network: &dyn Network, address: SocketAddr) -> io::Result<TcpStream> {
        let own = match &self.host {
            Host::Ipv4(ip) => IpAddr::V4(*ip),
            Host::Ipv6(ip) => IpAddr::V6(*ip),
            Host::Domain(name) => {
                let found = network.resolve(name).await?;
                *found.first().ok_or(io::ErrorKind::NotFound)?
            }
        };
        let mut stream = network.connect(SocketAddr::new(own, self.port)).await?;
        let mut head = format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n");
        if let Some(authorization) = &self.authorization {
            head.push_str(&format!("Proxy-Authorization: {authorization}\r\n"));
        }
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).await?;
        let mut answer = Vec::new();
        // Byte by byte: what follows the head belongs to the tunnel.
        while !answer.ends_with(b"\r\n\r\n") {
            if answer.len() >= LONGEST_HEAD {
                return Err(io::ErrorKind::InvalidData.into());
            }
            answer.push(stream.read_u8().await?);
        }
        let status = answer.split(|byte| *byte == b' ').nth(1);
        if status.is_some_and(|status| status.first() == Some(&b'2')) {
            Ok(stream)
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
}

/// `%40` and the like, as user names and passwords in addresses are written.
fn decoded(text: &str) -> String {
    let bytes: Vec<u8> = form(text.as_bytes()).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

fn form(text: &[u8]) -> impl Iterator<Item = u8> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut place = 0;
    std::iter::from_fn(move || {
        let byte = *text.get(place)?;
        if byte == b'%'
            && let (Some(high), Some(low)) = (digit(text.get(place + 1)), digit(text.get(place + 2)))
            && let Ok(decoded) = u8::try_from(high * 16 + low)
        {
            place += 3;
            return Some(decoded);
        }
        place += 1;
        Some(byte)
    })
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let value = group.iter().fold(0_u32, |value, byte| (value << 8) | u32::from(*byte))
            << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = LETTERS[(value >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= group.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Upstream, base64};

    #[test]
    fn encodes_base64() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("fooba", "Zm9vYmE=")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn reads_an_address_and_never_shows_its_password() {
        let upstream = Upstream::parse("http://me:s%40cret@proxy.example:3128").unwrap();
        assert_eq!(upstream.authorization.as_deref(), Some("Basic bWU6c0BjcmV0"));
        assert_eq!(format!("{upstream:?}"), "Upstream(proxy.example:3128)");
        for wrong in ["socks5://x:1", "http://x/path", "x:1", "https://x"] {
            assert!(Upstream::parse(wrong).is_err(), "{wrong}");
        }
    }
}
