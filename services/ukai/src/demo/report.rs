//! What the demo says at its end, and whether it was right.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use ukai_testkit::shop::Shop;

use super::files::Files;
use super::{Folder, Harvest, shown};
use crate::commands::task_add::records;
use crate::exit::Failure;

/// For programs.
pub(super) fn document(harvest: &Harvest, files: &Files) -> Value {
    json!({
        "browser": browser(harvest),
        "seconds": harvest.took.as_secs_f64(),
        "pagesByWorker": pages_by_worker(harvest),
        "records": harvest.tasks,
        "json": files.json,
        "csv": files.csv,
        "screenshot": files.screenshot,
    })
}

/// For people.
pub(super) fn text(harvest: &Harvest, files: &Files, folder: &Folder) -> String {
    let pages = harvest.tasks.len();
    let seconds = harvest.took.as_secs_f64();
    let by_worker: Vec<_> =
        pages_by_worker(harvest).into_iter().map(|(name, pages)| format!("{name}: {pages}")).collect();
    let screenshot = files.screenshot.as_ref().map_or("none".to_owned(), |path| shown(path));
    format!(
        "{}\n\n{pages} pages in {seconds:.1} s\nbrowser         {}\npages by worker {}\nscreenshot      {screenshot}\n\
         JSON            {}\nCSV             {}\nremove it all   rm -r {}",
        records(&harvest.tasks),
        browser(harvest).unwrap_or_else(|| "unknown".to_owned()),
        by_worker.join(", "),
        shown(&files.json),
        shown(&files.csv),
        shown(folder.path()),
    )
}

/// What the workers say of their browser.
fn browser(harvest: &Harvest) -> Option<String> {
    harvest.tasks.iter().find_map(|task| task["metrics"]["browser"].as_str().map(str::to_owned))
}

fn pages_by_worker(harvest: &Harvest) -> BTreeMap<String, u64> {
    let mut pages: BTreeMap<_, _> = harvest.workers.values().map(|name| (name.clone(), 0)).collect();
    for task in harvest.tasks.iter().filter(|task| task["status"] == "completed") {
        let id = task["workerId"].as_str().unwrap_or("?");
        *pages.entry(harvest.workers.get(id).cloned().unwrap_or_else(|| id.to_owned())).or_insert(0) += 1;
    }
    pages
}

/// Fails unless each page gave what the shop knows to stand on it.
pub(super) fn judge(harvest: &Harvest, files: &Files, shop: &Shop, base: &str) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    for task in &harvest.tasks {
        let url = task["productUrl"].as_str().unwrap_or("");
        if task["status"] != "completed" {
            wrong.push(format!("{url}: {} ({})", task["status"], task["error"]["message"]));
            continue;
        }
        let Some(truth) = url.strip_prefix(base).and_then(|path| shop.truth(path)) else {
            wrong.push(format!("{url}: the shop knows no such page"));
            continue;
        };
        let record = &task["result"];
        let expected = json!([truth.title, truth.price, truth.rating, truth.is_available]);
        let found = json!([record["productTitle"], record["price"], record["rating"], record["isAvailable"]]);
        if expected != found {
            wrong.push(format!("{url}: expected {expected}, found {found}"));
        }
    }
    let idle: Vec<_> = pages_by_worker(harvest).into_iter().filter(|(_, pages)| *pages == 0).collect();
    if harvest.tasks.len() >= 2 * harvest.workers.len() {
        wrong.extend(idle.into_iter().map(|(name, _)| format!("{name} scraped no page")));
    }
    if files.screenshot.is_none() {
        wrong.push("no screenshot was stored".to_owned());
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Failure::failed(format!("{} things are not as they must be:\n  {}", wrong.len(), wrong.join("\n  "))))
}
