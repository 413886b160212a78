//! How the bus is reached: from flags, the environment or a test. Passwords never leave this file but to the library.

use super::connecting::ConnectError;
use super::prefix::Prefix;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// Three without an answer end a connection: within 15 seconds, what its loss takes to be seen included.
const PING_EVERY: Duration = Duration::from_millis(4_900);

/// How one service reaches NATS.
#[derive(Clone)]
pub struct NatsOptions {
    /// Servers of one cluster, without user and password.
    pub(super) servers: Vec<Url>,
    /// The service: it names the connection.
    pub(super) name: String,
    pub(super) user: Option<(String, String)>,
    pub(super) token: Option<String>,
    pub(super) tls: bool,
    pub(super) tls_ca: Option<PathBuf>,
    pub(super) ping_every: Duration,
    pub(super) prefix: Prefix,
}

impl NatsOptions {
    /// `url` as in `nats://user:password@host:4222`, or `tls://…`; several separated by commas. `name` is the
    /// service's: letters, digits and `-`.
    ///
    /// # Errors
    /// The address or the name can't be used; the message doesn't repeat a password.
    pub fn new(url: &str, name: &str) -> Result<Self, ConnectError> {
        let bad = |message: String| Err(ConnectError::Address(message));
        if !is_token(name) {
            return bad(format!("{name:?} is no name of a service"));
        }
        let mut options = Self {
            servers: Vec::new(),
            name: name.to_owned(),
            user: None,
            token: None,
            tls: false,
            tls_ca: None,
            ping_every: PING_EVERY,
            prefix: Prefix::default(),
        };
        for part in url.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let text = if part.contains("://") { part.to_owned() } else { format!("nats://{part}") };
            let mut server = match Url::parse(&text) {
                Ok(server) => server,
                Err(error) => return bad(error.to_string()),
            };
            match server.scheme() {
                "nats" => {}
                "tls" => options.tls = true,
                other => return bad(format!("{other}:// is neither nats:// nor tls://")),
            }
            if server.host_str().is_none_or(str::is_empty) {
                return bad("it names no host".to_owned());
            }
            options.credentials(&server);
            // Only a URL without a host refuses these.
            let _ = server.set_username("");
            let _ = server.set_password(None);
            options.servers.push(server);
        }
        if options.servers.is_empty() {
            return bad("it is empty".to_owned());
        }
        Ok(options)
    }

    /// A user and its password; they count before those of the address.
    #[must_use]
    pub fn user(mut self, user: &str, password: &str) -> Self {
        self.user = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// TLS even where the address says `nats://`; `ca` is a PEM file whose authorities are trusted instead of the
    /// system's.
    #[must_use]
    pub fn tls(mut self, required: bool, ca: Option<PathBuf>) -> Self {
        self.tls |= required || ca.is_some();
        self.tls_ca = ca;
        self
    }

    /// Three pings without an answer end the connection.
    #[must_use]
    pub fn ping_every(mut self, interval: Duration) -> Self {
        self.ping_every = interval;
        self
    }

    /// The first part of all subjects, instead of `ukai`.
    ///
    /// # Errors
    /// Anything but letters, digits, `-` and `_`.
    pub fn prefix(mut self, prefix: &str) -> Result<Self, ConnectError> {
        if !is_token(prefix) {
            let message = format!("{prefix:?} is no prefix of subjects: letters, digits, - and _");
            return Err(ConnectError::Address(message));
        }
        self.prefix = Prefix::of(prefix);
        Ok(self)
    }

    /// For messages: hosts and ports.
    pub(super) fn hosts(&self) -> String {
        let host = |url: &Url| format!("{}:{}", url.host_str().unwrap_or(""), url.port().unwrap_or(4222));
        self.servers.iter().map(host).collect::<Vec<_>>().join(", ")
    }

    /// The token under which replies come: the user's name, because the server's permissions go by it.
    pub(super) fn inbox(&self) -> &str {
        let user = self.user.as_ref().map(|(user, _)| user.as_str());
        user.filter(|user| is_token(user)).unwrap_or(&self.name)
    }

    fn credentials(&mut self, server: &Url) {
        let plain = |text: &str| {
            let bytes = text.replace('+', "%2B");
            let pairs = format!("v={bytes}");
            url::form_urlencoded::parse(pairs.as_bytes()).next().map(|(_, value)| value.into_owned())
        };
        match (server.username(), server.password()) {
            ("", _) => {}
            (user, Some(password)) => {
                self.user = plain(user).zip(plain(password));
            }
            (token, None) => self.token = plain(token),
        }
    }
}

/// Whether it can be a part of a subject.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

impl fmt::Debug for NatsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.user.as_ref().map(|(user, _)| user);
        f.debug_struct("NatsOptions")
            .field("hosts", &self.hosts())
            .field("name", &self.name)
            .field("user", &user)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// The bus's part of a command line.
#[derive(Clone, clap::Args)]
#[command(next_help_heading = "Bus")]
pub struct NatsFlags {
    /// Address of NATS, several separated by commas: nats://user:password@host:4222, or tls://…
    #[arg(long, env = "UKAI_NATS_URL", value_name = "URL", hide_env_values = true)]
    pub nats_url: Option<String>,

    /// User at NATS, where the address has none.
    #[arg(long, env = "UKAI_NATS_USER", value_name = "USER", requires = "nats_password")]
    pub nats_user: Option<String>,

    /// Its password.
    #[arg(
        long,
        env = "UKAI_NATS_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true,
        requires = "nats_user"
    )]
    pub nats_password: Option<String>,

    /// Speak to NATS over TLS only; tls:// in the address says the same.
    #[arg(long, env = "UKAI_NATS_TLS")]
    pub nats_tls: bool,

    /// First part of all subjects: systems that share a NATS server need one each, or accounts of their own there.
    #[arg(long, env = "UKAI_NATS_PREFIX", value_name = "NAME", default_value = "ukai")]
    pub nats_prefix: String,

    /// PEM file with the authorities that NATS' certificate must come from, instead of the system's; implies TLS.
    #[arg(long, env = "UKAI_NATS_TLS_CA", value_name = "FILE")]
    pub nats_tls_ca: Option<PathBuf>,
}

impl NatsFlags {
    /// `None` where nothing was given.
    ///
    /// # Errors
    /// As for [`NatsOptions::new`], or no address was given, but something else of NATS: whoever says that believes that
    /// there is one.
    pub fn options(&self, name: &str) -> Result<Option<NatsOptions>, ConnectError> {
        let Some(url) = self.nats_url.as_deref().filter(|url| !url.is_empty()) else {
            let is_given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
            let is_meant = is_given(&self.nats_user)
                || is_given(&self.nats_password)
                || self.nats_tls
                || self.nats_tls_ca.is_some();
            return match is_meant {
                true => Err(ConnectError::Address("it is needed for a user or TLS of NATS".to_owned())),
                false => Ok(None),
            };
        };
        let options = NatsOptions::new(url, name)?.tls(self.nats_tls, self.nats_tls_ca.clone());
        let mut options = options.prefix(&self.nats_prefix)?;
        if let (Some(user), Some(password)) = (&self.nats_user, &self.nats_password) {
            options = options.user(user, password);
        }
        Ok(Some(options))
    }
}

impl NatsFlags {
    /// For a service that can't do without.
    ///
    /// # Errors
    /// No address was given, or as for [`NatsOptions::new`].
    pub fn required(&self, name: &str) -> Result<NatsOptions, ConnectError> {
        self.options(name)?.ok_or_else(|| {
            ConnectError::Address("it is needed, because separate processes share a NATS server".to_owned())
        })
    }
}

impl fmt::Debug for NatsFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password.
        f.debug_struct("NatsFlags").field("is_given", &self.nats_url.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        let options = NatsOptions::new("nats://me:p%40ss+%2F@a:1, tls://b", "gateway").unwrap();
        assert_eq!(options.hosts(), "a:1, b:4222");
        assert_eq!(options.user, Some(("me".to_owned(), "p@ss+/".to_owned())));
        assert!(
            options.tls && options.servers.iter().all(|s| s.username().is_empty() && s.password().is_none())
        );
        assert!(!format!("{options:?}").contains("p@ss"));
        assert_eq!(options.inbox(), "me");
        assert_eq!(NatsOptions::new("a", "x").unwrap().user("a.>", "p").inbox(), "x");
        assert_eq!(NatsOptions::new("secret@a", "x").unwrap().token.as_deref(), Some("secret"));
        assert!(!NatsOptions::new("localhost:4333", "x").unwrap().tls);
        assert!(NatsOptions::new("a", "x").unwrap().tls(false, Some("ca.pem".into())).tls);
    }

    #[test]
    fn wrong_addresses_are_explained_without_the_password() {
        for (url, why) in [
            ("http://me:secret@a", "neither nats:// nor tls://"),
            ("", "empty"),
            ("nats://me:secret@a:99999", "port"),
            ("nats://", "host"),
        ] {
            let error = NatsOptions::new(url, "x").unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("secret"), "{url}: {error}");
        }
        assert!(NatsOptions::new("a", "scheduler.in").is_err());
        assert!(NatsOptions::new("a", "x").unwrap().prefix("ukai.staging").is_err());
        assert!(NatsOptions::new("a", "x").unwrap().prefix("").is_err());
    }

    #[test]
    fn flags() {
        #[derive(clap::Parser)]
        struct Line {
            #[command(flatten)]
            nats: NatsFlags,
        }
        let options = |arguments: &[&str]| {
            let line = <Line as clap::Parser>::try_parse_from(std::iter::once(&"x").chain(arguments));
            let line = line.map_err(|error| error.to_string())?;
            line.nats.options("x").map_err(|error| error.to_string())
        };
        assert!(options(&[]).unwrap().is_none());
        let plain = options(&["--nats-url", "nats://a"]).unwrap().unwrap();
        assert!(!plain.tls && plain.user.is_none());
        let tls = options(&["--nats-url", "nats://a", "--nats-tls"]).unwrap().unwrap();
        assert!(tls.tls && tls.tls_ca.is_none());
        let ca = options(&["--nats-url", "nats://a", "--nats-tls-ca", "ca.pem"]).unwrap().unwrap();
        assert!(ca.tls && ca.tls_ca.as_deref() == Some(std::path::Path::new("ca.pem")));
        let user = ["--nats-url", "nats://b:c@a", "--nats-user", "me", "--nats-password", "secret"];
        assert_eq!(options(&user).unwrap().unwrap().user, Some(("me".to_owned(), "secret".to_owned())));
        assert!(options(&["--nats-url", "nats://a", "--nats-user", "me"]).unwrap_err().contains("password"));
        assert!(options(&["--nats-url", "nats://a", "--nats-password", "x"]).unwrap_err().contains("user"));
        let without_address: [&[&str]; 3] =
            [&["--nats-user", "me", "--nats-password", "x"], &["--nats-tls"], &["--nats-tls-ca", "ca.pem"]];
        for arguments in without_address {
            assert!(options(arguments).unwrap_err().contains("needed for a user or TLS"), "{arguments:?}");
        }
    }

    #[test]
    fn the_settings_that_ship() {
        assert_eq!(NatsOptions::new("a", "x").unwrap().ping_every, PING_EVERY);
        assert!(PING_EVERY <= Duration::from_secs(5) && PING_EVERY * 3 < Duration::from_secs(15));
    }
}
