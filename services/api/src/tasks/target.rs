//! Which targets are accepted: http(s) pages on public addresses, as far as the text alone tells.
//!
//! Names are resolved by the worker, which checks every address again. The URL parser has already turned decimal,
//! octal, hexadecimal and short forms of IPv4 into addresses.

use crate::extract::has_control;
use std::net::{Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// Bytes of a URL.
const MAX_URL: usize = 8 * 1024;

/// The host of an acceptable target in lower case, or what is wrong with it.
pub(super) fn check(text: &str, allow_private: bool) -> Result<String, &'static str> {
    if text.len() > MAX_URL {
        return Err("must have at most 8192 bytes");
    }
    if has_control(text) || text.contains(char::is_whitespace) {
        return Err("must not contain control characters or white space");
    }
    let url = Url::parse(text).map_err(|_| "must be an absolute http or https URL")?;
    let scheme_end = text.find("://").ok_or("must be an absolute http or https URL")?;
    if !matches!(url.scheme(), "http" | "https") || !text[..scheme_end].eq_ignore_ascii_case(url.scheme()) {
        return Err("must be an absolute http or https URL");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain credentials");
    }
    let host = url.host().ok_or("must have a host")?;
    if !allow_private && is_private(&host) {
        return Err("must not be a private, loopback or reserved address");
    }
    url.host_str().map(str::to_owned).ok_or("must have a host")
}

fn is_private(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.');
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(ip) => is_private_v4(*ip),
        Host::Ipv6(ip) => is_private_v6(*ip),
    }
}

/// Everything that IANA's registry of special-purpose addresses doesn't call globally reachable, and multicast.
fn is_private_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    matches!(
        (a, b, c),
        (0 | 10 | 127 | 224.., ..)
            | (100, 64..=127, _)
            | (169, 254, _)
            | (172, 16..=31, _)
            | (192, 168, _)
            | (192, 0, 0 | 2)
            | (192, 88, 99)
            | (198, 18..=19, _)
            | (198, 51, 100)
            | (203, 0, 113)
    )
}

/// The same; forms that carry an IPv4 address are judged by it, tunnels are refused.
fn is_private_v6(ip: Ipv6Addr) -> bool {
    let s = ip.segments();
    let [.., e, f, g, h] = ip.octets();
    let carried = Ipv4Addr::new(e, f, g, h);
    match s {
        [0, 0, 0, 0, 0, 0 | 0xFFFF, ..] => is_private_v4(carried),
        [0, 0, 0, 0, 0xFFFF, 0, ..] => is_private_v4(carried),
        [0x64, 0xFF9B, 0, 0, 0, 0, ..] => is_private_v4(carried),
        [0x64, 0xFF9B, 1, ..] | [0x100, 0, 0, 0, ..] => true,
        [0x2001, 0..=0x1FF, ..] | [0x2001, 0xDB8, ..] | [0x2002, ..] | [0x3FFF, 0..=0xFFF, ..] => true,
        [0x5F00, ..] => true,
        [0xFC00..=0xFDFF | 0xFE80..=0xFEFF | 0xFF00.., ..] => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn public_pages_pass_with_their_host() {
        let cases = [
            ("https://Shop.Example/p/1?a=b#c", "shop.example"),
            ("HTTP://8.8.8.8:8080/", "8.8.8.8"),
            ("https://[2606:4700::1]/", "[2606:4700::1]"),
            ("https://bücher.example/", "xn--bcher-kva.example"),
            ("https://localhost.example/", "localhost.example"),
        ];
        for (url, host) in cases {
            assert_eq!(check(url, false).as_deref(), Ok(host), "{url}");
        }
    }

    #[test]
    fn private_addresses_are_refused_in_every_notation() {
        let hosts = [
            "localhost",
            "LOCALHOST",
            "localhost.",
            "a.localhost",
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "0",
            "10.1.2.3",
            "172.31.255.255",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "192.0.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:a00:1]",
            "[::127.0.0.1]",
            "[fc00::1]",
            "[fd12::1]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]",
            "[2001::1]",
            "[2001:db8::1]",
            "①②⑦.⓪.⓪.①",
        ];
        for host in hosts {
            let url = format!("http://{host}/");
            assert!(check(&url, false).is_err(), "{url}");
            assert!(check(&url, true).is_ok(), "{url} is allowed where private targets are");
        }
        assert!(check("http://[64:ff9b::808:808]/", false).is_ok(), "carries a public address");
        assert!(check("http://[::ffff:8.8.8.8]/", false).is_ok(), "carries a public address");
    }

    #[test]
    fn what_is_no_page_is_refused() {
        let long = format!("https://a.example/{}", "x".repeat(8192));
        let urls = [
            "",
            "a.example",
            "//a.example/",
            "ftp://a.example/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "data:text/html,x",
            "http:a.example",
            "http://",
            "http:///",
            "https://u:p@a.example/",
            "https://u@a.example/",
            " https://a.example/",
            "https://a.example/\n",
            "https://a.example/\0",
            "https://a b.example/",
            "https://a.example:99999/",
            "http://[::1",
            &long,
        ];
        for url in urls {
            assert!(check(url, true).is_err(), "{url:?}");
        }
    }
}
