//! `ukai job`: named groups of tasks.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::output::{Output, cell, fields, short, table};

/// What to do with jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum Job {
    /// Makes an empty job; `ukai task add --job` fills it.
    Add(Add),
    /// Lists jobs, newest first.
    List(List),
    /// Shows a job with its counts.
    Show(One),
    /// Hands out nothing of it any more.
    Pause(One),
    /// Goes on with a paused job.
    Resume(One),
    /// Cancels all its tasks that haven't ended.
    Cancel(One),
}

/// A job of a server.
#[derive(Args, Debug)]
pub(crate) struct One {
    /// The job's id.
    id: Uuid,
    #[command(flatten)]
    server: Server,
}

/// A new job.
#[derive(Args, Debug)]
pub(crate) struct Add {
    /// What people call it.
    name: String,
    /// Its share against other jobs of the same priority.
    #[arg(long)]
    weight: Option<u32>,
    #[command(flatten)]
    server: Server,
}

/// A part of the list.
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Which page.
    #[arg(long, default_value_t = 1)]
    page: u32,
    /// Jobs a page, at most 100.
    #[arg(long, default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    server: Server,
}

impl Job {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(output).await,
            Self::List(list) => list.run(output).await,
            Self::Show(one) => one.ask(output, Method::GET, "").await,
            Self::Pause(one) => one.ask(output, Method::POST, "/pause").await,
            Self::Resume(one) => one.ask(output, Method::POST, "/resume").await,
            Self::Cancel(one) => one.ask(output, Method::POST, "/cancel").await,
        }
    }
}

impl One {
    async fn ask(self, output: Output, method: Method, action: &str) -> Result<(), Failure> {
        let client = Client::new(&self.server)?;
        let answer = client.send(method, &format!("api/jobs/{}{action}", self.id), None).await?;
        output.answer(&answer, fields);
        Ok(())
    }
}

impl Add {
    async fn run(self, output: Output) -> Result<(), Failure> {
        let mut body = json!({ "name": self.name });
        if let Some(weight) = self.weight {
            body["weight"] = json!(weight);
        }
        let answer = Client::new(&self.server)?.post("api/jobs", &body).await?;
        output.answer(&answer, |job| format!("job {}", cell(&job["id"])));
        Ok(())
    }
}

impl List {
    async fn run(self, output: Output) -> Result<(), Failure> {
        let client = Client::new(&self.server)?;
        let answer = client.get(&format!("api/jobs?page={}&limit={}", self.page, self.limit)).await?;
        output.answer(&answer, draw);
        Ok(())
    }
}

fn draw(list: &Value) -> String {
    let rows = list["items"].as_array().into_iter().flatten().map(|job| {
        [
            cell(&job["id"]),
            short(job["name"].as_str().unwrap_or(""), 30),
            cell(&job["status"]),
            cell(&job["itemsScraped"]),
            cell(&job["itemsTotal"]),
            cell(&job["createdAt"]),
        ]
    });
    table(["id", "name", "status", "scraped", "total", "created"], rows)
}
