//! `ukai task`: the life of single tasks.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::task_add::Add;
use crate::client::{Client, Server, segment};
use crate::exit::Failure;
use crate::output::{Output, cell, fields, short, table};

/// What to do with tasks.
#[derive(Debug, Subcommand)]
pub(crate) enum Task {
    /// Puts addresses into the queue.
    Add(Add),
    /// Lists tasks, newest first.
    List(List),
    /// Shows a task with its result and its runs.
    Show(One),
    /// Cancels a task that hasn't ended.
    Cancel(One),
    /// Lets a failed or cancelled task run again.
    Retry(One),
    /// Says what a task is waiting for.
    Why(One),
    /// Fetches the screenshots and pages that a task's newest run brought.
    Files(Files),
}

/// Where to.
#[derive(Args, Debug)]
pub(crate) struct Files {
    /// The task's id.
    id: Uuid,
    /// The folder that they are written to.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    to: PathBuf,
    #[command(flatten)]
    server: Server,
}

/// A task of a server.
#[derive(Args, Debug)]
pub(crate) struct One {
    /// The task's id.
    id: Uuid,
    #[command(flatten)]
    server: Server,
}

/// A part of the list.
#[derive(Args, Debug)]
pub(crate) struct List {
    /// Only these: pending, assigned, running, completed, failed, cancelled; several with commas.
    #[arg(long)]
    status: Option<String>,
    /// Only this worker's.
    #[arg(long, value_name = "ID")]
    worker: Option<Uuid>,
    /// Only this job's.
    #[arg(long, value_name = "ID")]
    job: Option<Uuid>,
    /// Created at or after this time (RFC 3339).
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Created before this time (RFC 3339).
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Which page.
    #[arg(long, default_value_t = 1)]
    page: u32,
    /// Tasks a page, at most 100.
    #[arg(long, default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    server: Server,
}

impl Task {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        match self {
            Self::Add(add) => add.run(output).await,
            Self::List(list) => list.run(output).await,
            Self::Show(one) => one.ask(output, Method::GET, "").await,
            Self::Cancel(one) => one.ask(output, Method::DELETE, "").await,
            Self::Retry(one) => one.ask(output, Method::POST, "/retry").await,
            Self::Why(one) => one.ask(output, Method::GET, "/why").await,
            Self::Files(files) => files.run(output).await,
        }
    }
}

impl One {
    async fn ask(self, output: Output, method: Method, action: &str) -> Result<(), Failure> {
        let client = Client::new(&self.server)?;
        let answer = client.send(method, &format!("api/tasks/{}{action}", self.id), None).await?;
        output.answer(&answer, fields);
        Ok(())
    }
}

impl Files {
    async fn run(self, output: Output) -> Result<(), Failure> {
        let client = Client::new(&self.server)?;
        let paths = crate::files::fetch(&client, &self.id.to_string(), &self.to).await?;
        if paths.is_empty() {
            return Err(Failure::failed(format!("task {} has no files", self.id)));
        }
        let shown: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        output.answer(&json!({ "files": shown }), |_| shown.join("\n"));
        Ok(())
    }
}

impl List {
    async fn run(self, output: Output) -> Result<(), Failure> {
        let client = Client::new(&self.server)?;
        let mut path = format!("api/tasks?page={}&limit={}", self.page, self.limit);
        let named = [
            ("status", self.status),
            ("workerId", self.worker.map(|id| id.to_string())),
            ("jobId", self.job.map(|id| id.to_string())),
            ("from", self.from),
            ("to", self.to),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                path = format!("{path}&{name}={}", segment(&value));
            }
        }
        let answer = client.get(&path).await?;
        output.answer(&answer, draw);
        Ok(())
    }
}

fn draw(list: &Value) -> String {
    let rows = list["items"].as_array().into_iter().flatten().map(|task| {
        [
            cell(&task["id"]),
            cell(&task["status"]),
            cell(&task["priority"]),
            cell(&task["attemptNumber"]),
            short(task["productUrl"].as_str().unwrap_or(""), 60),
            short(task["error"]["message"].as_str().unwrap_or(""), 30),
        ]
    });
    let drawn = table(["id", "status", "priority", "attempt", "address", "error"], rows);
    format!("{drawn}\n{} of {} tasks", list["items"].as_array().map_or(0, Vec::len), cell(&list["total"]))
}
