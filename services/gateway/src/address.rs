//! Who the client is: the peer, or what a trusted proxy says about it.

use http::HeaderMap;
use std::net::IpAddr;
use ukai_boot::http::TransportHandle;

/// Networks whose `X-Forwarded-For` is believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(Vec<(IpAddr, u32)>);

/// Who asks, put into each request by admission.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// The client's address.
    pub(crate) address: IpAddr,
    /// The connection that the request came on; `None` behind a listener that is not ours.
    pub(crate) transport: Option<TransportHandle>,
}

impl Proxies {
    /// Addresses or networks (`10.0.0.0/8`), separated by commas.
    ///
    /// # Errors
    /// Which part is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split(',').map(str::trim).filter(|p| !p.is_empty());
        parts
            .map(|part| {
                let (address, bits) = part.split_once('/').map_or((part, None), |(a, b)| (a, Some(b)));
                let bad = || format!("{part} is no address or network");
                let address: IpAddr = address.parse().map_err(|_| bad())?;
                let most = if address.is_ipv4() { 32 } else { 128 };
                let bits = bits.map_or(Ok(most), |b| b.parse().map_err(|_| bad()))?;
                if bits > most { Err(bad()) } else { Ok((address, bits)) }
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether `address` is one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|(network, bits)| match (network.to_canonical(), address) {
            (IpAddr::V4(n), IpAddr::V4(a)) => {
                same(u128::from(n.to_bits()), u128::from(a.to_bits()), 32, *bits)
            }
            (IpAddr::V6(n), IpAddr::V6(a)) => same(n.to_bits(), a.to_bits(), 128, *bits),
            _ => false,
        })
    }

    /// The last address of `X-Forwarded-For` that is no trusted proxy, if the peer is one; else the peer.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.contains(peer) {
            return peer;
        }
        let mut client = peer;
        let hops = headers.get_all("x-forwarded-for").iter().rev();
        for hop in hops.filter_map(|v| v.to_str().ok()).flat_map(|v| v.rsplit(',')) {
            let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
            client = address.to_canonical();
            if !self.contains(client) {
                break;
            }
        }
        client
    }
}

fn same(network: u128, address: u128, width: u32, bits: u32) -> bool {
    bits == 0 || (network ^ address) >> (width - bits) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_the_last_untrusted_hop() {
        let proxies = Proxies::parse("10.0.0.0/8, 127.0.0.1,fd00::/8").unwrap();
        let cases = [
            ("203.0.113.1", "1.2.3.4", "203.0.113.1"),
            ("10.1.2.3", "1.2.3.4", "1.2.3.4"),
            ("10.1.2.3", "6.6.6.6, 1.2.3.4, 10.9.9.9", "1.2.3.4"),
            ("::ffff:127.0.0.1", "1.2.3.4", "1.2.3.4"),
            ("127.0.0.1", "nonsense", "127.0.0.1"),
            ("fd00::1", "2001:db8::1", "2001:db8::1"),
        ];
        for (peer, forwarded, want) in cases {
            let headers = HeaderMap::from_iter([(
                http::HeaderName::from_static("x-forwarded-for"),
                http::HeaderValue::from_static(forwarded),
            )]);
            assert_eq!(
                proxies.client(peer.parse().unwrap(), &headers),
                want.parse::<IpAddr>().unwrap(),
                "{peer}"
            );
        }
        assert_eq!(
            proxies.client("10.0.0.1".parse().unwrap(), &HeaderMap::new()),
            "10.0.0.1".parse::<IpAddr>().unwrap()
        );
    }

    #[test]
    fn refuses_what_is_no_network() {
        for text in ["x", "10.0.0.0/33", "10.0.0.0/x", "::/129"] {
            assert!(Proxies::parse(text).is_err(), "{text}");
        }
        assert_eq!(Proxies::parse("").unwrap(), Proxies::default());
    }
}
