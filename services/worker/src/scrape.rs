//! One run, from its hand-out to its report: pause, say that it starts, fetch, read, report.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use futures::FutureExt;
use serde_json::{Value, value::RawValue};
use tokio_util::sync::CancellationToken;
use ukai_boot::trace::{Traceparent, Tracer};
use ukai_browser::{PageOutcome, PageRequest, PictureFormat};
use ukai_extract::{Page, Recipes};
use url::Url;

use crate::{
    PageFetcher,
    artifacts::{Artifacts, File, OfRun},
    block::Refusal,
    camera::Camera,
    clock, crawl,
    fit::fit,
    holdings::Holdings,
    link::Link,
    messages::Assigned,
    outbox::Report,
    outcome::{self, Failure, Outcome},
    pause::{Pauses, Slot},
    picture,
    robots::Robots,
    traced::Trace,
};

/// Scripts that fill a page in after a timer leave no other trace than the change itself; beside the pause between pages
/// a second of patience is cheap.
const QUIET: Duration = Duration::from_secs(1);

/// Left of a run's time for the report, when files are slow.
const REPORTING: Duration = Duration::from_millis(500);

/// What every run needs.
pub(crate) struct Context {
    pub(crate) client: Arc<Link>,
    pub(crate) holdings: Arc<Holdings>,
    pub(crate) fetcher: Arc<dyn PageFetcher>,
    pub(crate) pauses: Mutex<Pauses>,
    pub(crate) recipes: Recipes,
    pub(crate) robots: Robots,
    pub(crate) artifacts: Arc<Artifacts>,
    pub(crate) camera: Camera,
    /// Leaves out what a record does not need.
    pub(crate) block_images: bool,
    pub(crate) tracer: Tracer,
}

/// How a run ended, for the worker's own book-keeping.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) task_id: String,
    pub(crate) result: RunResult,
}

/// The same in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RunResult {
    Completed,
    Failed(Option<Refusal>),
    /// Stopped by the server or by the end of this worker; not reported as an end of the task.
    Stopped,
}

/// Runs one task. `limit` is the server's bound from `task:started` to the report.
pub(crate) async fn run(
    context: Arc<Context>,
    task: Assigned,
    cancel: CancellationToken,
    limit: Duration,
) -> Ended {
    let ended = |result| Ended { task_id: task.task_id.clone(), result };
    let (mut span, trace) = Trace::begin(&context.tracer, &task);
    let mut place = Place::take(&context);
    let pause = trace.span("pause");
    tokio::select! {
        () = cancel.cancelled() => {
            span.fail("stopped by the server");
            context.holdings.dropped(&task.task_id, task.run);
            return ended(RunResult::Stopped);
        }
        () = tokio::time::sleep(place.slot.wait(Instant::now())) => {}
    }
    drop(pause);
    context.holdings.started(&task.task_id, task.run);
    let begun = Instant::now();
    // Without a connection it is said at the next one.
    let _ = context.client.emit("task:started", &outcome::started(&task.task_id, task.run, &clock::now()));
    tracing::info!(task.id = task.task_id, run = task.run, attempt = task.attempt_number, "page begins");
    let work = AssertUnwindSafe(page(&context, &task, &trace, limit)).catch_unwind();
    let outcome = tokio::select! {
        () = cancel.cancelled() => None,
        done = tokio::time::timeout(limit, work) => Some(match done {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_panic)) => Outcome::Failed(Failure::new("PARSE_ERROR", "the worker failed on this page")),
            Err(_) => Outcome::Failed(Failure::new("TIMEOUT", format!("not done within {limit:?}"))),
        }),
    };
    place.ended = Some(Instant::now());
    drop(place);
    trace.tell_steps();
    let took = begun.elapsed();
    let (event, payload, result) = match outcome {
        None => {
            span.fail("stopped by the server");
            context.holdings.dropped(&task.task_id, task.run);
            tell_stopped(&context, &task, took);
            return ended(RunResult::Stopped);
        }
        Some(Outcome::Completed(found)) => {
            tracing::info!(task.id = task.task_id, run = task.run, ms = clock::millis(took), "page done");
            ("task:completed", outcome::completed(&task, found, &clock::now(), took), RunResult::Completed)
        }
        Some(Outcome::Failed(failure)) => {
            span.fail(failure.kind);
            tracing::info!(task.id = task.task_id, run = task.run, error.kind = failure.kind, "page failed");
            let payload = outcome::failed(&task.task_id, task.run, &failure, &clock::now(), took);
            ("task:failed", payload, RunResult::Failed(failure.refusal))
        }
    };
    if !keep_report(&context, event, &task, payload, trace.place()).await {
        tell_stopped(&context, &task, took);
        return ended(RunResult::Stopped);
    }
    ended(result)
}

/// A server with fences learns at once that the slot is free; it refuses the report itself as stale.
fn tell_stopped(context: &Context, task: &Assigned, took: Duration) {
    tracing::info!(task.id = task.task_id, run = task.run, "page stopped");
    if task.run.is_some() {
        let failure = Failure::new("TIMEOUT", "stopped by the server");
        let payload = outcome::failed(&task.task_id, task.run, &failure, &clock::now(), took);
        let _ = context.client.emit("task:failed", &payload);
    }
}

/// Writes the report to disk, off the runtime's threads: it waits for the disk. `false` where the run was stopped meanwhile.
async fn keep_report(
    context: &Arc<Context>,
    event: &str,
    task: &Assigned,
    payload: Value,
    trace: Option<Traceparent>,
) -> bool {
    let (text, cut) = fit(payload);
    if cut {
        tracing::warn!(task.id = task.task_id, run = task.run, "the report was cut to fit");
    }
    let Ok(payload) = RawValue::from_string(text) else { return false };
    let (event, task_id) = (event.to_owned(), task.task_id.clone());
    let report = Report { event, task_id, run: task.run, payload, trace };
    let holdings = Arc::clone(&context.holdings);
    tokio::task::spawn_blocking(move || holdings.reported(report)).await.unwrap_or(false)
}

/// Fetches the page of a task and reads it; of a crawl where its site allows it, and its links.
async fn page(context: &Arc<Context>, task: &Assigned, trace: &Trace, limit: Duration) -> Outcome {
    let Some(rules) = task.crawl_rules() else { return visit(context, task, trace, limit).await };
    let begun = Instant::now();
    let visit = crawl::Visit { fetcher: &*context.fetcher, robots: &context.robots, rules: &rules };
    let robots = trace.span("robots");
    let entered = visit.enter(&task.product_url, limit / 3).await;
    drop(robots);
    if let Err(failure) = entered {
        return Outcome::Failed(failure);
    }
    let outcome = self::visit(context, task, trace, limit.saturating_sub(begun.elapsed())).await;
    match outcome {
        Outcome::Completed(found) => {
            let _links = trace.span("links");
            visit.leave(&task.product_url, found).await
        }
        failed @ Outcome::Failed(_) => failed,
    }
}

/// Fetches the page and reads it.
async fn visit(context: &Arc<Context>, task: &Assigned, trace: &Trace, limit: Duration) -> Outcome {
    let options = task.options.clone().unwrap_or_default();
    let recipes = match recipes(context, task).await {
        Ok(recipes) => recipes,
        Err(message) => return Outcome::Failed(Failure::new("PARSE_ERROR", message)),
    };
    let url = match Url::parse(&task.product_url) {
        Ok(url) => url,
        Err(error) => {
            return Outcome::Failed(Failure::new("NETWORK", format!("the address does not parse: {error}")));
        }
    };
    let begun = Instant::now();
    let wish = options.screenshot.screenshot(task.kind.as_deref() == Some("screenshot"));
    let asked = options.timeout_ms.map_or(limit, |ms| Duration::from_millis(ms.max(1_000)));
    let request = PageRequest {
        // Reading and reporting need a little of the time too.
        timeout: asked.min(limit.mul_f64(0.9)),
        quiet: QUIET,
        screenshot: wish,
        block_images: context.block_images,
        peephole: context.holdings.peephole(&task.task_id, task.run),
        steps: trace.steps.clone(),
        ..PageRequest::new(url)
    };
    let page = match context.fetcher.fetch(&request).await {
        Err(error) => return Outcome::Failed(outcome::of_error(&error)),
        Ok(page) => page,
    };
    let wanted = Wanted { picture: request.screenshot.map(|wish| wish.format), html: options.html };
    trace.tell_steps();
    let extract = trace.span("extract");
    // Parsing a large page takes long enough to hold up a heartbeat.
    let read = tokio::task::spawn_blocking(move || read(page, &recipes, wanted)).await;
    drop(extract);
    let Ok((outcome, files)) = read else {
        return Outcome::Failed(Failure::new("PARSE_ERROR", "the worker failed on this page"));
    };
    let of = OfRun { task_id: &task.task_id, run: task.run, trace };
    // The links of a crawl are asked about after it.
    let share = if task.crawl_rules().is_some() { 0.7 } else { 0.95 };
    let until = begun + limit.mul_f64(share).min(limit.saturating_sub(REPORTING));
    let brought = context.artifacts.bring(of, files, until).await;
    match outcome {
        Outcome::Completed(found) => Outcome::Completed(outcome::Found { artifacts: brought, ..found }),
        // The picture of a page that is no result is on the task's page all the same.
        failed @ Outcome::Failed(_) => failed,
    }
}

/// What shall be brought beside the record.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    picture: Option<PictureFormat>,
    html: bool,
}

fn read(page: PageOutcome, recipes: &Recipes, wanted: Wanted) -> (Outcome, Vec<File>) {
    let view = Page {
        html: &page.html,
        url: Some(&page.final_url),
        status: Some(page.status),
        headers: &page.headers,
    };
    let extraction = ukai_extract::extract(&view, recipes);
    let mut files = Vec::new();
    if let Some(format) = wanted.picture {
        let (content_type, extension) = picture::file_type(format);
        let bytes = page.screenshot.map(Arc::from).ok_or_else(|| "the browser took no picture".to_owned());
        files.push(File { kind: "screenshot", name: None, content_type, extension, bytes });
    }
    if wanted.html {
        let bytes = Ok(Arc::from(page.html.into_bytes()));
        let content_type = "text/html; charset=utf-8";
        files.push(File { kind: "html", name: None, content_type, extension: "html", bytes });
    }
    let outcome = match outcome::of_extraction(extraction, page.load, page.browser) {
        Outcome::Completed(found) => {
            Outcome::Completed(outcome::Found { final_url: page.final_url, ..found })
        }
        failed @ Outcome::Failed(_) => failed,
    };
    (outcome, files)
}

/// Those of the worker, with the one that the task asks for in front.
async fn recipes(context: &Context, task: &Assigned) -> Result<Recipes, String> {
    let recipes = context.recipes.clone();
    let Some(asked) = task.recipe.clone() else { return Ok(recipes) };
    if asked.is_null() {
        return Ok(recipes);
    }
    // One with many expressions takes long enough to hold up a heartbeat.
    let made = tokio::task::spawn_blocking(move || recipes.for_task(&asked)).await;
    let made = made.unwrap_or_else(|_| Err("it can't be read".to_owned()));
    made.map_err(|error| format!("the task's recipe: {error}"))
}

/// A taken slot; given back when dropped, so that nothing can lose one.
struct Place<'a> {
    context: &'a Context,
    slot: Slot,
    ended: Option<Instant>,
}

impl<'a> Place<'a> {
    fn take(context: &'a Context) -> Self {
        let slot = context.pauses.lock().unwrap_or_else(PoisonError::into_inner).take();
        Self { context, slot, ended: None }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut pauses = self.context.pauses.lock().unwrap_or_else(PoisonError::into_inner);
        pauses.give_back(self.slot, self.ended, &mut rand::rng());
    }
}
