//! `ukai host`: how politely a host is treated.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::json;

use crate::client::{Client, Server, segment};
use crate::exit::Failure;
use crate::output::{Output, fields};

/// What to do with a host's settings.
#[derive(Debug, Subcommand)]
pub(crate) enum Host {
    /// Shows a host's settings and whether it is cooling down.
    Get(Get),
    /// Changes a host's settings.
    Set(Set),
}

/// A host.
#[derive(Args, Debug)]
pub(crate) struct Get {
    /// Its name, as in shop.example.
    host: String,
    #[command(flatten)]
    server: Server,
}

/// A host and what changes.
#[derive(Args, Debug)]
pub(crate) struct Set {
    /// Its name, as in shop.example.
    host: String,
    /// The shortest time between two pages of it; 0 is none.
    #[arg(long, value_name = "MS")]
    min_interval_ms: Option<u32>,
    /// The most pages of it at once; 0 is any number.
    #[arg(long, value_name = "N")]
    max_concurrency: Option<u32>,
    #[command(flatten)]
    server: Server,
}

impl Host {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        match self {
            Self::Get(get) => {
                let client = Client::new(&get.server)?;
                output.answer(&client.get(&format!("api/hosts/{}", segment(&get.host))).await?, fields);
            }
            Self::Set(set) => {
                let client = Client::new(&set.server)?;
                let path = format!("api/hosts/{}", segment(&set.host));
                let now = client.get(&path).await?;
                let keep = |new: Option<u32>, name: &str| new.map_or_else(|| now[name].clone(), |n| json!(n));
                let body = json!({
                    "minIntervalMs": keep(set.min_interval_ms, "minIntervalMs"),
                    "maxConcurrency": keep(set.max_concurrency, "maxConcurrency"),
                });
                output.answer(&client.send(Method::PUT, &path, Some(&body)).await?, fields);
            }
        }
        Ok(())
    }
}
