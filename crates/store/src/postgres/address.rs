//! The database's address: a URL as libpq takes it, with the settings that every connection gets.

use super::Options;
use super::tls::{self, Tls};
use crate::StoreError;
use std::fmt::Write as _;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::{SslMode, TargetSessionAttrs};

/// How to connect.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) tls: Tls,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The leader's writes and reads: plans that never change, found without looking at sizes.
    Lead,
    /// The api's reads.
    Read,
    /// The schema.
    Migrate,
}

/// Planner settings: each statement of ours is a walk along indices, whatever the tables' sizes or how old their
/// statistics are. A plan that was good for an empty queue would read a queue of a million row by row.
const WALKS: [(&str, &str); 9] = [
    ("enable_seqscan", "off"),
    ("enable_bitmapscan", "off"),
    ("enable_hashjoin", "off"),
    ("enable_mergejoin", "off"),
    ("enable_hashagg", "off"),
    ("enable_material", "off"),
    ("enable_sort", "off"),
    ("jit", "off"),
    ("max_parallel_workers_per_gather", "0"),
];

impl Address {
    /// `name` is the connections' application_name.
    ///
    /// # Errors
    /// [`StoreError::Address`] where `url` is no address of a PostgreSQL database.
    pub(super) fn parse(
        url: &str,
        options: &Options,
        purpose: Purpose,
        name: &str,
    ) -> Result<Self, StoreError> {
        let bad = |what: String| StoreError::Address(format!("not an address of a database: {what}"));
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(bad("it doesn't begin with postgres://".to_owned()));
        }
        let (url, verify, roots) = take_tls(url).map_err(bad)?;
        let mut config: Config = url.parse().map_err(|e: tokio_postgres::Error| {
            use std::error::Error as _;
            bad(e.source().map_or_else(|| e.to_string(), ToString::to_string))
        })?;
        if verify {
            config.ssl_mode(SslMode::Require);
        }
        let tls = tls::connector(verify, roots.as_deref()).map_err(StoreError::Address)?;
        let hosts = u32::try_from(config.get_hosts().len()).unwrap_or(u32::MAX);
        if hosts > 1 && config.get_target_session_attrs() == TargetSessionAttrs::Any {
            // Whoever names a server and its standby means the one that takes writes.
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        // A host that is gone must leave time for the others.
        let connect_timeout = options.connect_timeout.min(match hosts {
            0 | 1 => options.acquire_timeout,
            _ => options.acquire_timeout / (hosts + 1),
        });
        let settings = settings(config.get_options(), options, purpose);
        config
            .application_name(name)
            .options(settings)
            .connect_timeout(connect_timeout)
            .keepalives(true)
            .keepalives_idle(Duration::from_secs(15))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(20));
        Ok(Self { config, tls })
    }
}

/// The settings of a session, as the server's command line takes them; the address's own come last and win.
fn settings(own: Option<&str>, options: &Options, purpose: Purpose) -> String {
    let mut text = String::new();
    let mut set = |name: &str, value: &str| {
        // Writing to a string doesn't fail.
        let _ = write!(text, "-c {name}={value} ");
    };
    let ms = |d: Duration| d.as_millis().to_string();
    set("search_path", "ukai");
    set("client_min_messages", "warning");
    set("lock_timeout", &ms(options.lock_timeout));
    set("idle_in_transaction_session_timeout", &ms(options.idle_in_transaction));
    set("tcp_keepalives_idle", "15");
    set("tcp_keepalives_interval", "5");
    set("tcp_keepalives_count", "3");
    set("tcp_user_timeout", "20000");
    if purpose == Purpose::Migrate {
        set("statement_timeout", &ms(options.migrate_timeout));
    } else {
        set("statement_timeout", &ms(options.statement_timeout));
        for (name, value) in WALKS {
            set(name, value);
        }
    }
    if purpose == Purpose::Lead {
        set("plan_cache_mode", "force_generic_plan");
        set("synchronous_commit", "on");
    }
    text + own.unwrap_or_default()
}

/// Takes out of the address what the driver doesn't know: `sslrootcert`, and the two modes of `sslmode` that check
/// the server's certificate.
fn take_tls(url: &str) -> Result<(String, bool, Option<String>), String> {
    let Some((base, query)) = url.split_once('?') else { return Ok((url.to_owned(), false, None)) };
    let (mut verify, mut roots, mut rest) = (false, None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let value = url::form_urlencoded::parse(pair.as_bytes()).next().map(|(_, value)| value.into_owned());
        match (pair.split('=').next(), value) {
            (Some("sslrootcert"), Some(file)) => roots = Some(file),
            (Some("sslmode"), Some(mode)) if mode == "verify-ca" || mode == "verify-full" => verify = true,
            _ => rest.push(pair),
        }
    }
    if roots.is_some() && !verify && rest.contains(&"sslmode=disable") {
        return Err("sslrootcert with sslmode=disable".to_owned());
    }
    let url = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    Ok((url, verify || roots.is_some(), roots))
}

#[cfg(test)]
mod tests {
    use super::{Address, Purpose};
    use crate::StoreError;
    use crate::postgres::Options;
    use std::time::Duration;
    use tokio_postgres::config::{SslMode, TargetSessionAttrs};

    fn parse(url: &str) -> Result<Address, StoreError> {
        Address::parse(url, &Options::default(), Purpose::Lead, "ukai test")
    }

    #[test]
    fn several_hosts_and_the_modes_of_libpq() {
        let address = parse(
            "postgres://u:p@a:5432,b:5433/db?sslmode=verify-full&target_session_attrs=read-write&options=-c%20geqo=off",
        )
        .expect("an address");
        assert_eq!(address.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(address.config.get_hosts().len(), 2);
        assert_eq!(address.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        let options = address.config.get_options().unwrap_or_default();
        assert!(options.ends_with("-c geqo=off"), "{options}");
        assert!(options.contains("-c statement_timeout=5000 "), "{options}");
        assert!(options.contains("-c plan_cache_mode=force_generic_plan "), "{options}");
        assert_eq!(address.config.get_connect_timeout(), Some(&Duration::from_secs(1)));
        let both = parse("postgres://a,b/db").expect("an address");
        assert_eq!(both.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        let standby = parse("postgres://a,b/db?target_session_attrs=read-only").expect("an address");
        assert_eq!(standby.config.get_target_session_attrs(), TargetSessionAttrs::ReadOnly);
        assert_eq!(parse("postgresql:///db").expect("an address").config.get_ssl_mode(), SslMode::Prefer);
    }

    #[test]
    fn the_settings_that_ship() {
        let options = Options::default();
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let seconds = [
            (options.connect_timeout, 3),
            (options.acquire_timeout, 3),
            (options.statement_timeout, 5),
            (options.lock_timeout, 2),
            (options.idle_in_transaction, 10),
            (options.lifetime, 600),
        ];
        assert!(seconds.iter().all(|(limit, is)| limit.as_secs() == *is), "{options:?}");
        assert_eq!(options.readers, 2 * cores + 4);
        let all = [
            "lock_timeout=2000",
            "idle_in_transaction_session_timeout=10000",
            "tcp_keepalives_idle=15",
            "tcp_keepalives_interval=5",
            "tcp_keepalives_count=3",
            "tcp_user_timeout=20000",
        ];
        let own: [(Purpose, &[&str]); 3] = [
            (Purpose::Lead, &["statement_timeout=5000", "synchronous_commit=on"]),
            (Purpose::Read, &["statement_timeout=5000"]),
            (Purpose::Migrate, &["statement_timeout=120000"]),
        ];
        for (purpose, own) in own {
            let config =
                Address::parse("postgres://a/b", &options, purpose, "ukai test").expect("an address").config;
            let text = config.get_options().unwrap_or_default();
            for setting in all.iter().chain(own) {
                assert!(text.contains(&format!("-c {setting} ")), "{purpose:?} has no {setting}: {text}");
            }
            assert_eq!(config.get_application_name(), Some("ukai test"));
            assert_eq!(config.get_connect_timeout().map(|limit| limit.as_secs()), Some(3));
            assert_eq!(config.get_tcp_user_timeout().map(|limit| limit.as_secs()), Some(20));
            assert!(config.get_keepalives() && config.get_keepalives_idle().as_secs() == 15);
        }
    }

    #[test]
    fn what_is_no_address_is_said() {
        for url in [
            "mysql://a/b",
            "",
            "postgres://a:port/b",
            "postgres://a/b?sslmode=sometimes",
            "postgres://a/b?sslrootcert=/nowhere/ca.pem",
            "postgres://a/b?sslmode=disable&sslrootcert=/nowhere/ca.pem",
        ] {
            assert!(matches!(parse(url), Err(StoreError::Address(_))), "{url}");
        }
    }
}
