//! `ukai tail`: events as they happen, from the log, without gap or double.

use std::time::Duration;

use clap::Args;
use serde_json::Value;
use uuid::Uuid;

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::output::{Output, cell, short};

/// Which events.
#[derive(Args, Debug)]
pub(crate) struct Tail {
    /// Only this job's.
    #[arg(long, value_name = "ID")]
    job: Option<Uuid>,
    /// Starts after this number; without it, with the next event.
    #[arg(long, value_name = "NUMBER")]
    since: Option<u64>,
    /// Ends after so many events.
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    #[command(flatten)]
    server: Server,
}

impl Tail {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        let client = Client::new(&self.server)?;
        let path = self.job.map_or_else(|| "api/events".to_owned(), |job| format!("api/jobs/{job}/events"));
        let mut since = match self.since {
            Some(since) => since,
            None => newest(&client).await?,
        };
        let mut left = self.count.unwrap_or(u64::MAX);
        loop {
            let list = client.get(&format!("{path}?since={since}&limit=100")).await?;
            let items = list["items"].as_array().map_or(&[][..], Vec::as_slice);
            for event in items {
                let Some(seq) = event["seq"].as_u64() else { continue };
                if seq <= since {
                    continue;
                }
                since = seq;
                output.item(event, draw);
                left -= 1;
                if left == 0 {
                    return Ok(());
                }
            }
            // Also where nothing of this came: what is behind may be forgotten some day.
            since = since.max(list["nextSince"].as_u64().unwrap_or(since));
            if items.is_empty() {
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
        }
    }
}

/// The number of the last event so far.
async fn newest(client: &Client) -> Result<u64, Failure> {
    Ok(client.get("api/events?limit=1").await?["lastSeq"].as_u64().unwrap_or(0))
}

fn draw(event: &Value) -> String {
    let data = event["data"].as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let data: Vec<_> =
        data.map(|(name, value)| format!("{name}={}", short(&cell(value).replace('\n', " "), 80))).collect();
    let [seq, timestamp, kind] = ["seq", "timestamp", "type"].map(|name| cell(&event[name]));
    format!("{seq:>8}  {timestamp}  {kind:<16} {}", data.join(" "))
}
