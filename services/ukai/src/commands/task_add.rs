//! `ukai task add`: addresses into the queue, and on request the wait for their records.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::output::{Output, cell, short, table};

/// The most tasks of one request.
const BATCH: usize = 10_000;

/// What to queue, and how.
#[derive(Args, Debug)]
pub(crate) struct Add {
    /// Addresses to scrape.
    #[arg(value_name = "URL")]
    urls: Vec<String>,
    /// A file with one address a line; - reads standard input.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// From 0 to 100, higher first.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u8).range(0..=100))]
    priority: u8,
    /// What to do with the page.
    #[arg(long, default_value = "scrape")]
    kind: String,
    /// From 1 to 3.
    #[arg(long, value_parser = clap::value_parser!(u8).range(1..=3))]
    max_attempts: Option<u8>,
    /// Not before this time (RFC 3339).
    #[arg(long, value_name = "TIME")]
    not_before: Option<String>,
    /// The job that the tasks join; without it several tasks make a job.
    #[arg(long, value_name = "ID")]
    job: Option<Uuid>,
    /// Takes a picture of each page.
    #[arg(long)]
    screenshot: bool,
    /// Keeps each page's markup.
    #[arg(long)]
    html: bool,
    /// The longest a page may take.
    #[arg(long, value_name = "MS")]
    timeout_ms: Option<u32>,
    /// Waits until all have ended and prints the records; fails if a task failed.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    server: Server,
}

impl Add {
    pub(crate) async fn run(mut self, output: Output) -> Result<(), Failure> {
        let urls = self.addresses()?;
        let client = Client::new(&self.server)?;
        let tasks = self.submit(&client, &urls).await?;
        if self.wait {
            let ids = tasks.iter().filter_map(|task| task["id"].as_str().map(str::to_owned)).collect();
            let ended = follow(&client, ids, output).await?;
            print(output, &ended);
            return verdict(&ended);
        }
        if let [task] = tasks.as_slice() {
            output.answer(task, |task| format!("task {} is {}", cell(&task["id"]), cell(&task["status"])));
        } else {
            let job = tasks.first().map_or(Value::Null, |task| task["jobId"].clone());
            let document = json!({ "jobId": job, "total": tasks.len(), "items": tasks });
            output.answer(&document, |d| format!("{} tasks in job {}", cell(&d["total"]), cell(&d["jobId"])));
        }
        Ok(())
    }

    fn addresses(&mut self) -> Result<Vec<String>, Failure> {
        let mut urls = std::mem::take(&mut self.urls);
        if let Some(file) = &self.file {
            let mut text = String::new();
            if file.as_os_str() == "-" {
                std::io::stdin().read_to_string(&mut text)?;
            } else {
                text = std::fs::read_to_string(file)
                    .map_err(|error| Failure::failed(format!("can't read {}: {error}", file.display())))?;
            }
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            urls.extend(lines.map(str::to_owned));
        }
        if urls.is_empty() {
            return Err(Failure::usage("name at least one address, or a file of them with --file"));
        }
        Ok(urls)
    }

    async fn submit(&self, client: &Client, urls: &[String]) -> Result<Vec<Value>, Failure> {
        if let [url] = urls {
            let mut body = self.task(url);
            if let Some(job) = self.job {
                body.insert("jobId".to_owned(), json!(job));
            }
            return Ok(vec![client.post("api/tasks", &Value::Object(body)).await?]);
        }
        let mut job = self.job.map(|job| json!(job));
        let mut made = Vec::with_capacity(urls.len());
        for part in urls.chunks(BATCH) {
            let tasks: Vec<_> = part.iter().map(|url| self.task(url)).collect();
            let mut body = json!({ "tasks": tasks });
            if let Some(job) = &job {
                body["jobId"] = job.clone();
            }
            let mut answer = client.post("api/tasks/batch", &body).await?;
            job.get_or_insert(answer["jobId"].take());
            if let Value::Array(items) = answer["items"].take() {
                made.extend(items);
            }
        }
        Ok(made)
    }

    fn task(&self, url: &str) -> Map<String, Value> {
        let mut task = Map::new();
        task.insert("productUrl".to_owned(), json!(url));
        task.insert("priority".to_owned(), json!(self.priority));
        task.insert("kind".to_owned(), json!(self.kind));
        if let Some(attempts) = self.max_attempts {
            task.insert("maxAttempts".to_owned(), json!(attempts));
        }
        if let Some(time) = &self.not_before {
            task.insert("notBefore".to_owned(), json!(time));
        }
        let mut options = Map::new();
        if self.screenshot {
            options.insert("screenshot".to_owned(), json!(true));
        }
        if self.html {
            options.insert("html".to_owned(), json!(true));
        }
        if let Some(timeout) = self.timeout_ms {
            options.insert("timeoutMs".to_owned(), json!(timeout));
        }
        if !options.is_empty() {
            task.insert("options".to_owned(), Value::Object(options));
        }
        task
    }
}

/// Waits until each task has ended, with a bar; gives them in the order of `ids`.
pub(crate) async fn follow(client: &Client, ids: Vec<String>, output: Output) -> Result<Vec<Value>, Failure> {
    let bar = output.bar(ids.len() as u64, "scraped");
    let mut ended: Vec<Option<Value>> = vec![None; ids.len()];
    loop {
        for (id, slot) in ids.iter().zip(&mut ended).filter(|(_, slot)| slot.is_none()) {
            let task = client.get(&format!("api/tasks/{id}")).await?;
            if matches!(task["status"].as_str(), Some("completed" | "failed" | "cancelled")) {
                bar.inc(1);
                bar.set_message(short(task["productUrl"].as_str().unwrap_or(""), 40));
                *slot = Some(task);
            }
        }
        if ended.iter().all(Option::is_some) {
            bar.finish_and_clear();
            return Ok(ended.into_iter().flatten().collect());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Records as JSON lines, or as a table.
pub(crate) fn print(output: Output, tasks: &[Value]) {
    if output.json {
        for task in tasks {
            output.item(task, Value::to_string);
        }
        return;
    }
    output.say(&records(tasks));
}

/// The table of title, price, rating, availability.
pub(crate) fn records(tasks: &[Value]) -> String {
    let rows = tasks.iter().map(|task| {
        let record = &task["result"];
        let title = match record["productTitle"].as_str() {
            Some(title) if !title.is_empty() => short(title, 44),
            _ => short(task["productUrl"].as_str().unwrap_or(""), 44),
        };
        let price = match record["price"].as_f64() {
            Some(price) => format!("{price:.2} {}", short(record["currency"].as_str().unwrap_or(""), 8)),
            None => "–".to_owned(),
        };
        let availability = match task["error"]["message"].as_str() {
            Some(error) if task["status"] != "completed" => short(error, 40),
            _ => match task["output"]["verdict"].as_str() {
                Some(verdict) if verdict != "OK" => short(verdict, 40),
                _ => record["availability"].as_str().map_or("–".to_owned(), |text| short(text, 40)),
            },
        };
        [cell(&task["status"]), title, price, cell(&record["rating"]), availability]
    });
    table(["status", "title", "price", "rating", "availability"], rows)
}

/// Fails unless every task completed.
pub(crate) fn verdict(tasks: &[Value]) -> Result<(), Failure> {
    let failed = tasks.iter().filter(|task| task["status"] != "completed").count();
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::failed(format!("{failed} of {} tasks did not complete", tasks.len())))
}
