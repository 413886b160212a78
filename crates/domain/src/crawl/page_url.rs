//! Addresses of pages: which two of them are the same page.
//!
//! The address that is fetched is the link as it stands, without its fragment. The key that decides on sameness is
//! more forgiving: besides what the URL standard does (lower-case scheme and host, no default port, no `.` and `..`),
//! - percent escapes of letters, digits, `-`, `.`, `_` and `~` are undone, the others are in upper case;
//! - parameters that say where a visitor came from (`utm_…`, `gclid` and their like) or who he is (session ids) are
//!   dropped, the others are in the order of their names;
//! - an empty query is none.
//!
//! `http` and `https`, and paths with and without a slash at the end, stay different pages.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;
use url::{Host, Url};

/// Parameters that don't change the page, in lower case; and all that begin with `utm_`.
const TRACKING: &[&str] = &[
    "_ga",
    "_gl",
    "dclid",
    "fbclid",
    "gad_source",
    "gbraid",
    "gclid",
    "gclsrc",
    "igshid",
    "jsessionid",
    "mc_cid",
    "mc_eid",
    "msclkid",
    "mkt_tok",
    "phpsessid",
    "srsltid",
    "ttclid",
    "twclid",
    "wbraid",
    "yclid",
];

/// The first 16 bytes of the SHA-256 of a page's key: what a crawl remembers of a page.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UrlHash(pub [u8; 16]);

impl UrlHash {
    /// The bytes as the stores keep them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for UrlHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The address of a page, without fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageUrl(Url);

impl PageUrl {
    /// An absolute http(s) address without credentials; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut url = Url::parse(text).ok()?;
        let is_page = matches!(url.scheme(), "http" | "https")
            && url.host().is_some()
            && url.username().is_empty()
            && url.password().is_none();
        url.set_fragment(None);
        is_page.then_some(Self(url))
    }

    /// What is fetched.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// In lower case, without port.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    /// The host where it is a name.
    pub(super) fn domain(&self) -> Option<&str> {
        match self.0.host()? {
            Host::Domain(name) => Some(name.trim_end_matches('.')),
            Host::Ipv4(_) | Host::Ipv6(_) => None,
        }
    }

    /// Where it isn't the scheme's.
    pub(super) fn port(&self) -> Option<u16> {
        self.0.port()
    }

    /// Begins with a slash.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path()
    }

    /// Everything behind host and port.
    pub(super) fn path_and_query(&self) -> &str {
        &self.0[url::Position::BeforePath..]
    }

    /// The same for addresses of the same page.
    #[must_use]
    pub fn key(&self) -> String {
        let mut key = self.0[..url::Position::BeforePath].to_owned();
        push_escaped(&mut key, self.0.path());
        let mut parameters: Vec<&str> = self
            .0
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|p| !p.is_empty() && !is_tracking(p))
            .collect();
        parameters.sort_by_key(|parameter| name_of(parameter));
        for (n, parameter) in parameters.into_iter().enumerate() {
            key.push(if n == 0 { '?' } else { '&' });
            push_escaped(&mut key, parameter);
        }
        key
    }

    /// Of the key.
    #[must_use]
    pub fn hash(&self) -> UrlHash {
        let digest = Sha256::digest(self.key().as_bytes());
        let mut hash = [0; 16];
        hash.copy_from_slice(&digest[..16]);
        UrlHash(hash)
    }
}

fn name_of(parameter: &str) -> &str {
    parameter.split('=').next().unwrap_or_default()
}

fn is_tracking(parameter: &str) -> bool {
    let name = name_of(parameter).to_ascii_lowercase();
    name.starts_with("utm_") || TRACKING.contains(&name.as_str())
}

/// `%7e` becomes `~`, `%c3` becomes `%C3`, a lone `%` stays.
fn push_escaped(into: &mut String, text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        into.push_str(&rest[..at]);
        let byte = rest.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        // `+5` is a number for the parser, and no escape.
        match byte.filter(|_| rest.as_bytes().get(at + 1) != Some(&b'+')) {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                into.push(char::from(byte));
                rest = &rest[at + 3..];
            }
            Some(_) => {
                into.push_str(&rest[at..at + 3].to_ascii_uppercase());
                rest = &rest[at + 3..];
            }
            None => {
                into.push('%');
                rest = &rest[at + 1..];
            }
        }
    }
    into.push_str(rest);
}
