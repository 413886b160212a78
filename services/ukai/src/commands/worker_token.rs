//! `ukai worker-token`: which machines may work.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::output::{Output, cell, short, table};

/// What to do with workers' tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum WorkerToken {
    /// Registers a worker and prints its token, this once.
    Create(Create),
    /// Lists the registered workers.
    List(Here),
    /// Removes a worker: its token is void, its connection closed, its tasks are ready again.
    Revoke(Revoke),
}

/// A new worker.
#[derive(Args, Debug)]
pub(crate) struct Create {
    /// What people call it.
    name: String,
    #[command(flatten)]
    server: Server,
}

/// A server.
#[derive(Args, Debug)]
pub(crate) struct Here {
    #[command(flatten)]
    server: Server,
}

/// A worker of a server.
#[derive(Args, Debug)]
pub(crate) struct Revoke {
    /// The worker's id.
    id: Uuid,
    #[command(flatten)]
    server: Server,
}

impl WorkerToken {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        match self {
            Self::Create(create) => {
                let client = Client::new(&create.server)?;
                let worker = client.post("api/workers", &json!({ "name": create.name })).await?;
                let url = create.server.url.as_str().trim_end_matches('/');
                output.answer(&worker, |worker| {
                    let token = cell(&worker["token"]);
                    format!(
                        "worker {} ({})\ntoken  {token}\nstart  ukai worker --server {url} --token {token}",
                        cell(&worker["name"]),
                        cell(&worker["id"]),
                    )
                });
            }
            Self::List(here) => {
                let client = Client::new(&here.server)?;
                output.answer(&client.get("api/workers?limit=100").await?, draw);
            }
            Self::Revoke(revoke) => {
                let client = Client::new(&revoke.server)?;
                client.send(Method::DELETE, &format!("api/workers/{}", revoke.id), None).await?;
                output.answer(&json!({ "id": revoke.id, "revoked": true }), |d| {
                    format!("revoked {}", cell(&d["id"]))
                });
            }
        }
        Ok(())
    }
}

fn draw(list: &Value) -> String {
    let rows = list["items"].as_array().into_iter().flatten().map(|worker| {
        [
            cell(&worker["id"]),
            short(worker["name"].as_str().unwrap_or(""), 30),
            cell(&worker["status"]),
            cell(&worker["stats"]["tasksCompleted"]),
            cell(&worker["lastHeartbeatAt"]),
        ]
    });
    table(["id", "name", "status", "completed", "last heard"], rows)
}
