//! Where a page may reach to: http and https, public addresses.
//!
//! The check resolves the name itself, so a name that answers differently a moment later gets past it; for documents
//! the address that Chromium really used is checked again.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use url::{Host, Url};

/// Judges targets, and remembers its judgement of a host for the time of one page.
#[derive(Debug, Default)]
pub(crate) struct Guard {
    allow_private: bool,
    allowed: Vec<String>,
    judged: Mutex<HashMap<String, Option<String>>>,
}

impl Guard {
    /// `allowed` are single targets, `host:port`, that may be private.
    pub(crate) fn new(allow_private: bool, allowed: &[String]) -> Self {
        let allowed = allowed.iter().map(|target| target.to_ascii_lowercase()).collect();
        Self { allow_private, allowed, judged: Mutex::default() }
    }

    /// Whether every target is allowed, so that none needs to be looked at.
    pub(crate) fn allows_all(&self) -> bool {
        self.allow_private
    }

    fn is_exempt(&self, url: &Url) -> bool {
        let Some((host, port)) = url.host_str().zip(url.port_or_known_default()) else { return false };
        self.allow_private || self.allowed.contains(&format!("{host}:{port}"))
    }

    /// `Err` says why the target is not allowed.
    pub(crate) async fn check(&self, url: &Url) -> Result<(), String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("the scheme {} is not http or https", url.scheme()));
        }
        let Some(host) = url.host() else { return Err("an address without a host".to_owned()) };
        if self.is_exempt(url) {
            return Ok(());
        }
        let name = match host {
            Host::Ipv4(ip) => return check_address(IpAddr::V4(ip)),
            Host::Ipv6(ip) => return check_address(IpAddr::V6(ip)),
            Host::Domain(name) => name.trim_end_matches('.').to_ascii_lowercase(),
        };
        if let Some(known) = self.judged.lock().unwrap_or_else(PoisonError::into_inner).get(&name) {
            return known.clone().map_or(Ok(()), Err);
        }
        let judgement = resolve(&name, url.port_or_known_default().unwrap_or(443)).await;
        let known = judgement.clone().err();
        self.judged.lock().unwrap_or_else(PoisonError::into_inner).insert(name, known);
        judgement
    }

    /// The same for the address that an answer came from.
    pub(crate) fn check_answer(&self, url: &str, ip: IpAddr) -> Result<(), String> {
        let exempt = Url::parse(url).is_ok_and(|url| self.is_exempt(&url));
        if exempt { Ok(()) } else { check_address(ip) }
    }
}

fn check_address(ip: IpAddr) -> Result<(), String> {
    if is_public(ip) { Ok(()) } else { Err(format!("{ip} is not a public address")) }
}

async fn resolve(name: &str, port: u16) -> Result<(), String> {
    if name == "localhost" || name.ends_with(".localhost") {
        return Err("localhost is not a public address".to_owned());
    }
    let found = tokio::time::timeout(Duration::from_secs(5), tokio::net::lookup_host((name, port))).await;
    // A name that does not resolve is left to Chromium, which says so in its own words.
    let Ok(Ok(addresses)) = found else { return Ok(()) };
    for address in addresses {
        if !is_public(address.ip()) {
            return Err(format!("{name} resolves to {}, which is not a public address", address.ip()));
        }
    }
    Ok(())
}

/// Whether an address is one of the public Internet: not private, loopback, link-local, shared, reserved, multicast or
/// documentation, also not by way of an embedded IPv4 address (RFC 6890 and the IANA special-purpose registries).
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => is_public_v6(ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(matches!(a, 0 | 10 | 127)
        || a >= 224
        || (a == 100 && (64..128).contains(&b))
        || (a == 169 && b == 254)
        || (a == 172 && (16..32).contains(&b))
        || (a == 192 && b == 168)
        || (a == 192 && b == 0 && matches!(c, 0 | 2))
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && matches!(b, 18 | 19))
        || (a == 198 && b == 51 && c == 100)
        || (a == 203 && b == 0 && c == 113))
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    if let Some(embedded) = ip.to_ipv4_mapped() {
        return is_public_v4(embedded);
    }
    let [a, b, c, d, e, f, g, h] = ip.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    if [a, b, c, d, e, f] == [0x64, 0xff9b, 0, 0, 0, 0] {
        return is_public_v4(v4(g, h));
    }
    if a == 0x2002 {
        return is_public_v4(v4(b, c));
    }
    // Global unicast alone, without Teredo, benchmarking, ORCHID and the documentation ranges.
    (0x2000..0x4000).contains(&a)
        && !(a == 0x2001 && (b < 0x200 || b == 0xdb8))
        && !(a == 0x3fff && b < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::{Guard, is_public};

    #[test]
    fn tells_public_from_special_addresses() {
        for ip in ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "64:ff9b::808:808"] {
            assert!(is_public(ip.parse().unwrap()), "{ip}");
        }
        for ip in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::7f00:1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
        ] {
            assert!(!is_public(ip.parse().unwrap()), "{ip}");
        }
    }

    #[tokio::test]
    async fn refuses_schemes_and_disguised_loopback() {
        let guard = Guard::new(false, &["127.0.0.1:8080".to_owned()]);
        for url in [
            "file:///etc/passwd",
            "ftp://example.com/",
            "javascript:1",
            "data:text/html,x",
            "chrome://version",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://[::1]/",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://a.localhost/",
            "http://[::ffff:7f00:1]/",
            "http://169.254.169.254/latest",
        ] {
            assert!(guard.check(&url.parse().unwrap()).await.is_err(), "{url}");
        }
        assert!(guard.check(&"http://127.0.0.1:8080/x".parse().unwrap()).await.is_ok(), "named one by one");
        assert!(guard.check(&"http://127.0.0.1:8081/x".parse().unwrap()).await.is_err());
        assert!(guard.check(&"https://8.8.8.8/".parse().unwrap()).await.is_ok());
        assert!(Guard::new(true, &[]).check(&"http://127.0.0.1/".parse().unwrap()).await.is_ok());
        assert!(
            Guard::new(true, &[]).check(&"file:///".parse().unwrap()).await.is_err(),
            "the scheme is never waived"
        );
    }
}
