//! What the benchmark puts into the queue.

use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};

use crate::client::Client;
use crate::exit::Failure;

/// A set of tasks, spread evenly over jobs and hosts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// What the jobs are called.
    pub(crate) name: &'static str,
    pub(crate) tasks: u32,
    pub(crate) jobs: u32,
    pub(crate) hosts: u32,
    pub(crate) priority: u8,
}

/// What was put in.
#[derive(Debug, Default)]
pub(crate) struct Submitted {
    pub(crate) jobs: Vec<String>,
    /// The tasks' ids; left out where nobody asks for them.
    pub(crate) ids: Vec<String>,
}

/// The most tasks of one request.
const BATCH: u32 = 2_000;

impl Load {
    /// Makes the jobs, paused where nothing may be handed out yet.
    pub(crate) async fn jobs(&self, client: &Client, paused: bool) -> Result<Vec<String>, Failure> {
        let mut jobs = Vec::new();
        for n in 0..self.jobs {
            let job = client.post("api/jobs", &json!({ "name": format!("{} {n}", self.name) })).await?;
            let id = job["id"].as_str().ok_or_else(|| Failure::failed("a job without an id"))?.to_owned();
            if paused {
                client.post(&format!("api/jobs/{id}/pause"), &json!({})).await?;
            }
            jobs.push(id);
        }
        Ok(jobs)
    }

    /// Submits the tasks into `jobs`, several requests at once.
    pub(crate) async fn submit(
        &self,
        client: &Client,
        jobs: Vec<String>,
        keep_ids: bool,
        show: impl Fn(u64),
    ) -> Result<Submitted, Failure> {
        let share = self.tasks.div_ceil(self.jobs);
        let mut requests = Vec::new();
        let mut first = 0;
        for job in &jobs {
            let end = (first + share).min(self.tasks);
            while first < end {
                let next = (first + BATCH).min(end);
                requests.push((job.clone(), first..next));
                first = next;
            }
        }
        let posted = stream::iter(requests).map(|(job, range)| async {
            let count = u64::from(range.end - range.start);
            let body = self.body(job, range);
            let answer = client.post("api/tasks/batch", &body).await?;
            show(count);
            Ok::<_, Failure>(if keep_ids { ids(&answer) } else { Vec::new() })
        });
        let ids = posted.buffer_unordered(4).try_concat().await?;
        Ok(Submitted { jobs, ids })
    }

    fn body(&self, job: String, range: std::ops::Range<u32>) -> Value {
        let tasks: Vec<_> = range
            .map(|n| {
                let url = format!("https://shop{}.example/{}/item/{n}", n % self.hosts, self.name);
                json!({ "productUrl": url, "priority": self.priority })
            })
            .collect();
        json!({ "jobId": job, "tasks": tasks })
    }
}

/// Does `action` to every job at once.
pub(crate) async fn control(client: &Client, jobs: &[String], action: &str) -> Result<(), Failure> {
    stream::iter(jobs)
        .map(|job| async move { client.post(&format!("api/jobs/{job}/{action}"), &json!({})).await })
        .buffer_unordered(8)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(())
}

fn ids(answer: &Value) -> Vec<String> {
    let items = answer["items"].as_array().into_iter().flatten();
    items.filter_map(|task| task["id"].as_str().map(str::to_owned)).collect()
}
