//! What may be reached. Pure: names are resolved elsewhere, their addresses judged here.

use std::{collections::HashSet, net::IpAddr};

use url::{Host, Url};

use crate::address;

/// A refused target. Its text names the rule that refused it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} (rule: {rule})")]
pub struct Refusal {
    /// What was refused, without path or credentials.
    pub what: String,
    /// The rule: `scheme`, `host`, `port`, `localhost`, or an address's kind, `loopback`, `private`, `link-local`, ….
    pub rule: &'static str,
}

impl Refusal {
    fn new(rule: &'static str, what: impl Into<String>) -> Self {
        Self { what: what.into(), rule }
    }
}

/// A host and port in their canonical form: numbers resolved, names in ASCII and lower case without a final dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// An address or a name.
    pub host: Host<String>,
    /// The port, given or the scheme's own.
    pub port: u16,
}

impl Target {
    /// The target of an `http` or `https` URL.
    ///
    /// # Errors
    /// Rule `scheme` or `host`.
    pub fn of(url: &Url) -> Result<Self, Refusal> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Refusal::new("scheme", format!("the scheme {} is not http or https", url.scheme())));
        }
        let host = match url.host() {
            Some(Host::Domain(name)) => {
                let name = name.strip_suffix('.').unwrap_or(name);
                // `2002..` is a name here and a number to other parsers.
                if name.split('.').any(str::is_empty) {
                    return Err(Refusal::new("host", "the host has an empty label"));
                }
                Host::Domain(name.to_ascii_lowercase())
            }
            Some(Host::Ipv4(ip)) => Host::Ipv4(ip),
            Some(Host::Ipv6(ip)) => Host::Ipv6(ip),
            None => return Err(Refusal::new("host", "the address has no host")),
        };
        let port = url.port_or_known_default().unwrap_or(0);
        Ok(Self { host, port })
    }

    /// The target of `host:port`, as in `CONNECT` and in the settings.
    ///
    /// # Errors
    /// Rule `host`: no port, credentials, a path, or nothing that the URL standard takes for a host.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let malformed = || Refusal::new("host", "the target is not HOST:PORT");
        let (host, port) = text.rsplit_once(':').ok_or_else(malformed)?;
        let port: u16 = port.parse().map_err(|_| malformed())?;
        if host.is_empty() || host.contains(['/', '@', '\\', '?', '#']) || host.contains(char::is_whitespace)
        {
            return Err(malformed());
        }
        let url = Url::parse(&format!("http://{host}/")).map_err(|_| malformed())?;
        if url.port().is_some() {
            return Err(malformed());
        }
        Ok(Self { port, ..Self::of(&url)? })
    }

    /// The address where the host is one.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        match self.host {
            Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
            Host::Domain(_) => None,
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// Public addresses alone, unless the owner of the worker allowed more.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    allow_private: bool,
    allowed: HashSet<Target>,
}

impl Policy {
    /// `allowed` are single targets, `host:port`, that may be private.
    ///
    /// # Errors
    /// One of them is no `host:port`.
    pub fn new(allow_private: bool, allowed: &[String]) -> Result<Self, Refusal> {
        let allowed = allowed.iter().map(|text| Target::parse(text)).collect::<Result<_, _>>()?;
        Ok(Self { allow_private, allowed })
    }

    /// Whether every address is allowed.
    #[must_use]
    pub fn allows_private(&self) -> bool {
        self.allow_private
    }

    /// Judges what can be judged without resolving a name.
    ///
    /// # Errors
    /// Every rule but those that need a name's address.
    pub fn check_url(&self, url: &Url) -> Result<Target, Refusal> {
        let target = Target::of(url)?;
        self.check_target(&target)?;
        Ok(target)
    }

    /// The same for a host and port.
    ///
    /// # Errors
    /// As [`Policy::check_url`].
    pub fn check_target(&self, target: &Target) -> Result<(), Refusal> {
        if self.is_allowed(target) {
            return Ok(());
        }
        if target.port == 0 || BAD_PORTS.contains(&target.port) {
            return Err(Refusal::new("port", format!("port {} is none of the web", target.port)));
        }
        match &target.host {
            Host::Domain(name) if name == "localhost" || name.ends_with(".localhost") => {
                Err(Refusal::new("localhost", format!("{name} is not a public address")))
            }
            Host::Domain(_) => Ok(()),
            Host::Ipv4(ip) => judge(IpAddr::V4(*ip), None),
            Host::Ipv6(ip) => judge(IpAddr::V6(*ip), None),
        }
    }

    /// Judges an address that the target's name resolved to.
    ///
    /// # Errors
    /// The kind of an address that is not public.
    pub fn check_answer(&self, target: &Target, ip: IpAddr) -> Result<(), Refusal> {
        if self.is_allowed(target) { Ok(()) } else { judge(ip, Some(target)) }
    }

    fn is_allowed(&self, target: &Target) -> bool {
        self.allow_private || self.allowed.contains(target)
    }
}

fn judge(ip: IpAddr, of: Option<&Target>) -> Result<(), Refusal> {
    let Some(rule) = address::special(ip) else { return Ok(()) };
    Err(match of {
        Some(target) if target.address() != Some(ip) => {
            Refusal::new(rule, format!("{} resolves to {ip}, which is not a public address", target.host))
        }
        _ => Refusal::new(rule, format!("{ip} is not a public address")),
    })
}

/// The Fetch standard's bad ports: other protocols that an HTTP request could be smuggled into.
const BAD_PORTS: [u16; 82] = [
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
    109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
    526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
    3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
];
