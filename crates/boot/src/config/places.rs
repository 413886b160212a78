//! Where a process finds the others, and where it tells how it is.

use crate::process::Usage;
use clap::Args;
use std::net::SocketAddr;

/// What is logged, and how.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Logs")]
pub struct Log {
    /// Log levels, as in info,ukai_scheduler=debug. Logs go to standard error.
    #[arg(long, env = "UKAI_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,

    /// Logs as JSON lines.
    #[arg(long, env = "UKAI_LOG_JSON")]
    pub log_json: bool,
}

/// The database that all processes share.
#[derive(Args, Clone)]
pub struct Database {
    /// The database that all processes share: postgres://…
    #[arg(long, env = "UKAI_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database_url: String,
}

/// A second address for health and metrics.
#[derive(Args, Clone, Debug)]
pub struct MetricsListen {
    /// A second address that serves /metrics without a key.
    #[arg(long, env = "UKAI_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    pub metrics_listen: Option<SocketAddr>,
}

impl Database {
    /// Errors: it isn't PostgreSQL's. The address may hold a password, so it isn't repeated.
    pub fn check(&self) -> Result<(), Usage> {
        let schemes = ["postgres://", "postgresql://"];
        let rest = schemes.iter().find_map(|scheme| self.database_url.strip_prefix(scheme));
        if rest.is_some_and(|rest| !rest.is_empty()) {
            return Ok(());
        }
        let text = "--database-url must begin with postgres://, because separate processes share a PostgreSQL database";
        Err(Usage(text.to_owned()))
    }
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_checked_and_never_shown() {
        for (url, good) in [
            ("postgres://u:secret@h/d", true),
            ("postgresql://h", true),
            ("file:x", false),
            ("postgres://", false),
        ] {
            let database = Database { database_url: url.to_owned() };
            assert_eq!(database.check().is_ok(), good, "{url}");
            assert!(!format!("{database:?}").contains("secret"));
        }
    }
}
