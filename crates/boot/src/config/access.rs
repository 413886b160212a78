//! Who may come in: keys, tokens, origins, proxies. None of these types shows a secret when it is printed.

use crate::process::Usage;
use clap::{Args, ValueEnum};
use std::fmt;
use std::net::SocketAddr;

/// The fewest characters of a secret that somebody chose.
const SHORTEST_SECRET: usize = 16;
const SHORT_TOKEN: &str = "--worker-enroll-token (UKAI_WORKER_ENROLL_TOKEN, also WORKER_AUTH_TOKEN) must have at least 16 characters";

/// Whether requests need a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Auth {
    /// Every request shows a key, every worker a token.
    On,
    /// Whoever reaches the port is an admin.
    Off,
}

/// Errors: the port would be open to everybody on the network.
pub fn check_auth(auth: Auth, listen: SocketAddr) -> Result<(), Usage> {
    if auth == Auth::Off && !listen.ip().is_loopback() {
        return Err(Usage(format!(
            "--auth off would open the queue to the network on {listen}: it is allowed on loopback addresses only"
        )));
    }
    Ok(())
}

/// Errors: a key that is easily guessed, or that no header can carry.
pub fn check_admin_key(key: Option<&str>) -> Result<(), Usage> {
    if key.is_some_and(|key| key.len() < SHORTEST_SECRET || key.chars().any(char::is_whitespace)) {
        return Err(Usage("--admin-key must have at least 16 characters and no space".to_owned()));
    }
    Ok(())
}

/// The token with which workers register themselves.
#[derive(Args, Clone, Default)]
pub struct Enrolment {
    /// A pre-shared token with which workers register themselves (also WORKER_AUTH_TOKEN).
    #[arg(long, env = "UKAI_WORKER_ENROLL_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub worker_enroll_token: Option<String>,

    /// The older name of `worker_enroll_token`: read through [`Enrolment::token`].
    #[arg(long, env = "WORKER_AUTH_TOKEN", hide = true)]
    pub worker_auth_token: Option<String>,
}

impl Enrolment {
    /// The token under either of its names; an empty one is none.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        let names = [self.worker_enroll_token.as_deref(), self.worker_auth_token.as_deref()];
        names.into_iter().flatten().find(|token| !token.is_empty())
    }

    /// Errors: it is easily guessed.
    pub fn check(&self) -> Result<(), Usage> {
        if self.token().is_some_and(|token| token.len() < SHORTEST_SECRET) {
            return Err(Usage(SHORT_TOKEN.to_owned()));
        }
        Ok(())
    }
}

/// Pages of other origins.
#[derive(Args, Clone, Debug, Default)]
pub struct Origins {
    /// Other pages' origins that may use REST and sockets, separated by commas (also FRONTEND_URL). Without it:
    /// http://localhost:5173, :3000 and :8080.
    #[arg(long, env = "UKAI_CORS_ORIGINS", value_delimiter = ',', value_name = "ORIGINS")]
    pub cors_origins: Vec<String>,

    /// The older name of `cors_origins`: read through [`Origins::list`].
    #[arg(long, env = "FRONTEND_URL", value_delimiter = ',', hide = true)]
    pub frontend_url: Vec<String>,
}

impl Origins {
    /// The foreign origins that are let in, as browsers write them. The own origin always is, and isn't listed here.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        let names = [&self.cors_origins, &self.frontend_url].map(|named| {
            let origins = named.iter().map(|origin| origin.trim().trim_end_matches('/').to_ascii_lowercase());
            origins.filter(|origin| !origin.is_empty()).collect::<Vec<_>>()
        });
        let named = names.into_iter().find(|named| !named.is_empty());
        named.unwrap_or_else(|| [5173, 3000, 8080].map(|port| format!("http://localhost:{port}")).to_vec())
    }

    /// Errors: one that no browser would send.
    pub fn check(&self) -> Result<(), Usage> {
        match self.list().iter().find(|o| !o.starts_with("http://") && !o.starts_with("https://")) {
            None => Ok(()),
            Some(bad) => {
                Err(Usage(format!("--cors-origins: {bad} is no origin: it begins with http:// or https://")))
            }
        }
    }
}

/// Proxies in front of a process.
#[derive(Args, Clone, Debug, Default)]
pub struct TrustedProxies {
    /// Addresses of proxies whose X-Forwarded-For is believed, separated by commas.
    #[arg(long, env = "UKAI_TRUSTED_PROXIES", value_delimiter = ',', value_name = "ADDRESSES")]
    pub trusted_proxies: Vec<String>,
}

/// What the services show each other.
#[derive(Args, Clone, Default)]
pub struct InternalToken {
    /// A secret that api, monitor and scheduler share: without it the scheduler answers whoever reaches its port.
    #[arg(long, env = "UKAI_INTERNAL_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub internal_token: Option<String>,
}

impl InternalToken {
    /// The token; an empty one is none.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.internal_token.as_deref().filter(|token| !token.is_empty())
    }

    /// Errors: it is easily guessed, or no header can carry it.
    pub fn check(&self) -> Result<(), Usage> {
        let bad = |token: &str| token.len() < SHORTEST_SECRET || !token.chars().all(|c| c.is_ascii_graphic());
        if self.token().is_some_and(bad) {
            let text = "--internal-token must have at least 16 characters, all of them visible ASCII";
            return Err(Usage(text.to_owned()));
        }
        Ok(())
    }
}

impl fmt::Debug for Enrolment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enrolment").field("is_given", &self.token().is_some()).finish()
    }
}

impl fmt::Debug for InternalToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InternalToken").field("is_given", &self.token().is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn older_names_count_where_the_newer_are_not_given() {
        let old = Enrolment { worker_enroll_token: None, worker_auth_token: Some("old".to_owned()) };
        assert_eq!(old.token(), Some("old"));
        let both = Enrolment { worker_enroll_token: Some("new".to_owned()), ..old };
        assert_eq!(both.token(), Some("new"));
        let empty = Enrolment { worker_enroll_token: Some(String::new()), ..both };
        assert_eq!(empty.token(), Some("old"), "an empty name hides none");
        assert_eq!(Origins::default().list().len(), 3);
        let old =
            Origins { cors_origins: Vec::new(), frontend_url: vec!["https://Shop.example/".to_owned()] };
        assert_eq!(old.list(), ["https://shop.example"]);
        let both = Origins { cors_origins: vec!["http://a".to_owned(), " http://b".to_owned()], ..old };
        assert_eq!(both.list(), ["http://a", "http://b"]);
        let empty = Origins { cors_origins: vec![String::new()], ..both };
        assert_eq!(empty.list(), ["https://shop.example"]);
    }

    #[test]
    fn bad_values_are_refused_by_name_and_secrets_are_not_shown() {
        let bad = Origins { cors_origins: vec!["shop.example".to_owned()], ..Origins::default() };
        assert!(bad.check().unwrap_err().to_string().contains("--cors-origins"));
        let short = InternalToken { internal_token: Some("hush".to_owned()) };
        assert!(short.check().unwrap_err().to_string().contains("--internal-token"));
        assert!(!format!("{short:?}").contains("hush"));
        let spaced = InternalToken { internal_token: Some("sixteen and more characters".to_owned()) };
        assert!(spaced.check().is_err());
        let enrolment = Enrolment { worker_enroll_token: Some("hush".to_owned()), ..Enrolment::default() };
        assert!(enrolment.check().unwrap_err().to_string().contains("WORKER_AUTH_TOKEN"));
        assert!(!format!("{enrolment:?}").contains("hush"));
        assert!(check_admin_key(Some("short")).is_err() && check_admin_key(None).is_ok());
        assert!(check_auth(Auth::Off, "0.0.0.0:1".parse().unwrap()).is_err());
        assert!(check_auth(Auth::Off, "[::1]:1".parse().unwrap()).is_ok());
    }
}
