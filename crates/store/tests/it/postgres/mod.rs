//! PostgreSQL: the conformance suite, and the faults of many machines.

mod away;
mod errors;
mod hosts;
mod kill;
mod schema;
mod takeover;
mod tls;

use crate::conformance::{Made, conformance};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use ukai_store::postgres::{Options, PostgresStore, migrate};
use ukai_testkit::postgres::{Database, database};

/// A database with the schema, on the server that all tests share.
pub(crate) async fn empty() -> Database {
    let name = format!("ukai_{:016x}", schema());
    let prepare =
        async |url: String| migrate(&url, &Options::default()).await.map(|_| ()).map_err(io::Error::other);
    database(&name, prepare).await.expect("a database")
}

/// Another schema is another template.
fn schema() -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    ukai_store::postgres::texts().for_each(|text| text.hash(&mut hasher));
    hasher.finish()
}

/// Limits that leave a busy machine its time; small worlds must reach what large ones do.
pub(crate) fn options() -> Options {
    let long = Duration::from_secs(60);
    Options {
        readers: 2,
        connect_timeout: long,
        acquire_timeout: long,
        statement_timeout: long,
        gather_every: 5,
        ..Options::default()
    }
}

pub(crate) async fn connect(url: &str) -> Arc<PostgresStore> {
    PostgresStore::connect(url, options()).await.expect("a store")
}

async fn make() -> Made {
    let database = empty().await;
    let store = connect(&database.url()).await;
    Made { store, guard: Box::new(database) }
}

conformance!(make);
