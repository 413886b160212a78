//! Schemas of request bodies. They document; `extract` and the actions read the bodies, to collect every error.
#![allow(dead_code, reason = "documentation")]

use super::Time;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A task to accept.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct NewTaskRequest {
    /// http or https, at most 8 KiB, without credentials, on a public address.
    #[schema(max_length = 8192, example = "https://shop.example/p/1")]
    product_url: String,
    /// Higher first.
    #[schema(minimum = 0, maximum = 100, default = 50)]
    priority: Option<u32>,
    /// What this version can run: `scrape`, or `crawl`, which also follows the page's links.
    #[schema(default = "scrape")]
    kind: Option<String>,
    /// Attempts that count, at most.
    #[schema(minimum = 1, maximum = 3, default = 3)]
    max_attempts: Option<u32>,
    /// Not handed out before.
    not_before: Option<Time>,
    /// An existing job; where absent the key's own, or with the kind `crawl` a new one. In a batch it
    /// stands beside `tasks`, not in them.
    job_id: Option<Uuid>,
    /// Of a new crawl: which links are followed. In a batch it stands beside `tasks`, not in them.
    crawl: Option<CrawlRulesRequest>,
    /// What the worker shall bring beside the record.
    options: Option<TaskOptionsRequest>,
}

/// What the worker shall bring beside the record.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct TaskOptionsRequest {
    /// Whether a picture is taken: `true` is the whole page as PNG, cut at 8,000 pixels; or a `ScreenshotRequest`.
    #[schema(value_type = Option<ScreenshotWish>, example = true)]
    screenshot: Option<serde_json::Value>,
    /// Keep the page's HTML.
    html: Option<bool>,
    /// How to read the page, whatever its address: the name of a recipe that the worker knows (`amazon`), a recipe as TOML,
    /// or the same as an object. `recipes/recipe.schema.json` describes it.
    #[schema(value_type = Option<Value>, example = "amazon-product")]
    recipe: Option<serde_json::Value>,
    /// Time limit of one run in ms.
    #[schema(minimum = 1000, maximum = 600_000)]
    timeout_ms: Option<u32>,
}

/// Whether a picture is taken, and of what.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum ScreenshotWish {
    /// The whole page as PNG, or none.
    Plain(bool),
    /// Another picture.
    Detailed(ScreenshotRequest),
}

/// A picture of a page.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ScreenshotRequest {
    /// `png` or `webp`, which is smaller.
    #[schema(default = "png", pattern = "^(png|webp)$")]
    format: Option<String>,
    /// The whole page, cut at 8,000 pixels; else the window alone.
    #[schema(default = true)]
    full_page: Option<bool>,
    /// The first element that this CSS selector finds, instead of the page; no picture where it finds none.
    #[schema(max_length = 1000, example = "#main .price")]
    selector: Option<String>,
}

/// Tasks to accept, all or nothing: either `tasks` or `productUrls`.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct TaskBatchRequest {
    /// One by one.
    #[schema(min_items = 1, max_items = 10_000)]
    tasks: Option<Vec<NewTaskRequest>>,
    /// Pages that share the members below.
    #[schema(min_items = 1, max_items = 10_000, example = json!(["https://shop.example/p/1"]))]
    product_urls: Option<Vec<String>>,
    /// Of `productUrls`; each of `tasks` has its own.
    #[schema(minimum = 0, maximum = 100, default = 50)]
    priority: Option<u32>,
    /// Of `productUrls`; each of `tasks` has its own.
    #[schema(default = "scrape")]
    kind: Option<String>,
    /// Of `productUrls`; each of `tasks` has its own.
    #[schema(minimum = 1, maximum = 3, default = 3)]
    max_attempts: Option<u32>,
    /// Of `productUrls`; each of `tasks` has its own.
    not_before: Option<Time>,
    /// Of `productUrls`; each of `tasks` has its own.
    options: Option<TaskOptionsRequest>,
    /// An existing job; a new one where absent.
    job_id: Option<Uuid>,
    /// Of the new job.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// Of the new job, where a task is of the kind `crawl`: which links are followed.
    crawl: Option<CrawlRulesRequest>,
}

/// A job to make.
#[derive(Debug, ToSchema)]
pub(crate) struct NewJobRequest {
    /// For people.
    #[schema(min_length = 1, max_length = 200, example = "spring prices")]
    name: String,
    /// What this version can run: `scrape`, or `crawl`, whose tasks' links are followed.
    #[schema(default = "scrape")]
    kind: Option<String>,
    /// Share in the fair queue.
    #[schema(minimum = 1, maximum = 1000, default = 1)]
    weight: Option<u32>,
    /// With the kind `crawl`: which links are followed.
    crawl: Option<CrawlRulesRequest>,
}

/// Which links a crawl follows.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", as = CrawlRules)]
pub(crate) struct CrawlRulesRequest {
    /// Links away from a start page at most; 0 reads the start pages alone.
    #[schema(minimum = 0, maximum = 100, default = 2)]
    max_depth: Option<u32>,
    /// Pages of the job at most, start pages included.
    #[schema(minimum = 1, maximum = 100_000, default = 1000)]
    max_pages: Option<u32>,
    /// Where links may lead, seen from the page that they stand on: `same-host`, `same-domain` (the registrable
    /// domain), `same-path-prefix` (the same host, below `prefix`) or `any`.
    #[schema(default = "same-host")]
    scope: Option<String>,
    /// The path of `same-path-prefix`; the folder of the first page where the request has one.
    #[schema(max_length = 200, example = "/shop/")]
    prefix: Option<String>,
    /// Where there is any, a link must match one. `*` stands for anything; one that begins with `/` is matched with
    /// path and query, any other with the whole address. Start pages are always read.
    #[schema(max_items = 20, example = json!(["/product/*"]))]
    include: Option<Vec<String>>,
    /// A link must match none of them.
    #[schema(max_items = 20, example = json!(["*/cart*"]))]
    exclude: Option<Vec<String>>,
    /// Whether `robots.txt`, `nofollow` and robots meta tags are obeyed.
    #[schema(default = true)]
    respect_robots: Option<bool>,
}

/// A worker to register.
#[derive(Debug, ToSchema)]
pub(crate) struct NewWorkerRequest {
    /// For people.
    #[schema(min_length = 1, max_length = 100, example = "office-1")]
    name: String,
}

/// What shall change; at least one.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct WorkerConfigRequest {
    /// Pause between pages.
    rate_limit: Option<RateLimitRequest>,
    /// Whether Chromium shows no window.
    headless: Option<bool>,
}

/// The pause is drawn evenly between the two.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct RateLimitRequest {
    /// ms.
    #[schema(minimum = 0, maximum = 3_600_000, example = 10000)]
    min_delay_ms: u32,
    /// ms, at least the other.
    #[schema(minimum = 0, maximum = 3_600_000, example = 15000)]
    max_delay_ms: u32,
}

/// A host's politeness as a whole: what is absent becomes unlimited. At least one.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct HostRequest {
    /// ms between hand-outs; 0 is unlimited.
    #[schema(minimum = 0, maximum = 86_400_000, example = 1000)]
    min_interval_ms: Option<u32>,
    /// Tasks at once; 0 is unlimited.
    #[schema(minimum = 0, maximum = 100_000, example = 2)]
    max_concurrency: Option<u32>,
}
