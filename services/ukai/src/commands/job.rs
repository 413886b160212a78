//! `ukai job`: named groups of tasks.

use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::client::{Client, Server};
use crate::exit::Failure;
use crate::output::{Output, cell, fields, short, table};

/// What to do with jobs.
#[derive(Debug, Subcommand)]
pub(crate) enum Job {
    /// Makes an empty job, which `ukai task add --job` fills, or a crawl with its start pages.
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
    /// What people call it; of a crawl its start pages instead, and --name is what people call it.
    #[arg(value_name = "NAME|URL", required = true, num_args = 1..)]
    names: Vec<String>,
    /// What its tasks do.
    #[arg(long, value_enum, default_value_t = Kind::Scrape)]
    kind: Kind,
    /// What people call a crawl.
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    crawl: Rules,
    /// Its share against other jobs of the same priority.
    #[arg(long)]
    weight: Option<u32>,
    #[command(flatten)]
    server: Server,
}

/// What the tasks of a job do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Read pages.
    Scrape,
    /// Read pages and follow their links.
    Crawl,
}

/// Which links a crawl follows.
#[derive(Args, Debug)]
pub(crate) struct Rules {
    /// Links away from a start page at most [default: 2].
    #[arg(long, value_name = "N")]
    max_depth: Option<u32>,
    /// Pages at most, start pages included [default: 1000].
    #[arg(long, value_name = "N")]
    max_pages: Option<u32>,
    /// Where links may lead: same-host, same-domain, same-path-prefix or any [default: same-host].
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// The path of same-path-prefix [default: the first page's folder].
    #[arg(long, value_name = "PATH")]
    prefix: Option<String>,
    /// Follows only links that match one of these; * stands for anything.
    #[arg(long, value_name = "PATTERN")]
    include: Vec<String>,
    /// Follows no link that matches one of these.
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Doesn't ask robots.txt, nor look at nofollow.
    #[arg(long)]
    ignore_robots: bool,
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
        let client = Client::new(&self.server)?;
        let rules = self.crawl.members();
        if self.kind == Kind::Crawl {
            return crawl(&client, self.names, self.name, self.weight, rules, output).await;
        }
        let [name] = self.names.as_slice() else {
            return Err(Failure::usage("a job has one name; start pages stand with --kind crawl"));
        };
        if self.name.is_some() || !rules.is_empty() {
            return Err(Failure::usage("--name and the rules of a crawl stand with --kind crawl"));
        }
        let mut body = json!({ "name": name });
        if let Some(weight) = self.weight {
            body["weight"] = json!(weight);
        }
        let answer = client.post("api/jobs", &body).await?;
        output.answer(&answer, |job| format!("job {}", cell(&job["id"])));
        Ok(())
    }
}

impl Rules {
    /// Those that were given, by their names in the API.
    fn members(&self) -> Map<String, Value> {
        let mut members = Map::new();
        let list = |patterns: &[String]| (!patterns.is_empty()).then(|| json!(patterns));
        let given = [
            ("maxDepth", self.max_depth.map(Value::from)),
            ("maxPages", self.max_pages.map(Value::from)),
            ("scope", self.scope.clone().map(Value::from)),
            ("prefix", self.prefix.clone().map(Value::from)),
            ("include", list(&self.include)),
            ("exclude", list(&self.exclude)),
            ("respectRobots", self.ignore_robots.then_some(Value::Bool(false))),
        ];
        members.extend(given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        members
    }
}

/// The job and its start pages, which are taken all or none. A crawl with a weight is made first and filled then.
async fn crawl(
    client: &Client,
    pages: Vec<String>,
    name: Option<String>,
    weight: Option<u32>,
    mut rules: Map<String, Value>,
    output: Output,
) -> Result<(), Failure> {
    let mut body = json!({ "productUrls": pages, "kind": "crawl" });
    match weight {
        None => {
            body["crawl"] = Value::Object(rules);
            if let Some(name) = name {
                body["name"] = json!(name);
            }
        }
        Some(weight) => {
            if rules.get("scope").is_some_and(|scope| scope == "same-path-prefix")
                && !rules.contains_key("prefix")
            {
                // A job that is made without its pages can't tell their folder.
                rules.extend(folder(&pages[0]).map(|folder| ("prefix".to_owned(), folder.into())));
            }
            let name = name.unwrap_or_else(|| short(&format!("crawl of {}", pages[0]), 200));
            let job = json!({ "name": name, "kind": "crawl", "weight": weight, "crawl": rules });
            body["jobId"] = client.post("api/jobs", &job).await?["id"].take();
        }
    }
    let made = client.post("api/tasks/batch", &body).await?;
    let id = made["jobId"].as_str().unwrap_or_default();
    let answer = client.get(&format!("api/jobs/{id}")).await?;
    output.answer(&answer, |job| format!("crawl {}", cell(&job["id"])));
    Ok(())
}

/// `/shop/` of `https://x/shop/list`.
fn folder(page: &str) -> Option<String> {
    let page = url::Url::parse(page).ok()?;
    let path = page.path();
    Some(path[..=path.rfind('/')?].to_owned())
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
