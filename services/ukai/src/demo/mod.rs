//! The demonstration: everything on this machine, by the same processes and requests that anyone would use.

mod files;
mod folder;
mod report;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use ukai_testkit::shop::{Shop, ShopHandle};

use crate::exit::Failure;
use crate::output::{Output, short};
use crate::processes::{Process, UpProcess};

pub(crate) use folder::Folder;

/// The pages of a demonstration may take this long in all.
const LIMIT: Duration = Duration::from_secs(300);

/// What a demonstration brought.
struct Harvest {
    /// The tasks with their results, in the order of their addresses.
    tasks: Vec<Value>,
    /// Worker id to name.
    workers: BTreeMap<String, String>,
    took: Duration,
}

/// Runs it in `folder`. Errors: anything that didn't go as it must, with what to look at.
pub(crate) async fn run(folder: &Folder, products: u32, workers: u16, output: Output) -> Result<(), Failure> {
    let (shop_url, shop) = Shop::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await?;
    output.say(&format!("sample shop   {shop_url}"));
    let up = UpProcess::start(folder.path(), &["--allow-private-targets"]).await?;
    output.say(&format!(
        "ukai          {} (queue in {})",
        up.server.url,
        folder.path().join("data").display()
    ));
    let flags = ["--allow-private-targets", "--min-delay-ms", "100", "--max-delay-ms", "300"];
    let mut browsers = Vec::new();
    for n in 1..=workers {
        browsers.push(up.browser_worker(folder.path(), &format!("browser-{n}"), &flags).await?);
    }
    let connected = up.connected(&mut browsers, Duration::from_secs(60)).await?;
    output.say(&format!("workers       {workers} connected, each with a Chromium of its own"));
    let begun = Instant::now();
    let tasks = scrape(&up, &mut browsers, &addresses(&shop_url, &shop, products), output).await?;
    let named = |worker: &Value| {
        let text = |name: &str| worker[name].as_str().unwrap_or("?").to_owned();
        (text("id"), text("name"))
    };
    let harvest = Harvest { tasks, workers: connected.iter().map(named).collect(), took: begun.elapsed() };
    let files = files::write(folder, &harvest.tasks, &up.client).await?;
    output.answer(&report::document(&harvest, &files), |_| report::text(&harvest, &files, folder));
    let mut clean = true;
    for browser in browsers {
        clean &= browser.stop(Duration::from_secs(15)).await;
    }
    clean &= up.process.stop(Duration::from_secs(15)).await;
    report::judge(&harvest, &files, &shop.shop, &shop_url)?;
    if !clean {
        return Err(Failure::failed(format!(
            "a process did not end as asked; see {}",
            folder.path().display()
        )));
    }
    Ok(())
}

/// Script-filled pages, pages with structured data and an Amazon-like layout, in equal parts.
fn addresses(base: &str, shop: &ShopHandle, products: u32) -> Vec<String> {
    let page = |n: u32| match n % 3 {
        0 => format!("{base}/dp/{}", shop.shop.catalog().item(n).asin()),
        1 => format!("{base}/product/{n}"),
        _ => format!("{base}/jsonld/{n}"),
    };
    (1..=products).map(page).collect()
}

async fn scrape(
    up: &UpProcess,
    browsers: &mut [Process],
    urls: &[String],
    output: Output,
) -> Result<Vec<Value>, Failure> {
    let tasks: Vec<_> = urls
        .iter()
        .enumerate()
        .map(|(n, url)| json!({ "productUrl": url, "options": { "screenshot": n < 3 } }))
        .collect();
    let made = up.client.post("api/tasks/batch", &json!({ "tasks": tasks })).await?;
    let ids: Vec<_> =
        made["items"].as_array().into_iter().flatten().filter_map(|t| t["id"].as_str()).collect();
    if ids.len() != urls.len() {
        return Err(Failure::failed(format!("{} addresses became {} tasks", urls.len(), ids.len())));
    }
    let bar = output.bar(urls.len() as u64, "scraping");
    let plain = bar.is_hidden();
    let begun = Instant::now();
    let mut ended: Vec<Option<Value>> = vec![None; ids.len()];
    while ended.iter().any(Option::is_none) {
        if begun.elapsed() > LIMIT {
            return Err(Failure::failed(format!("not done after {} s", LIMIT.as_secs())));
        }
        for browser in browsers.iter_mut() {
            browser.check()?;
        }
        for (n, slot) in ended.iter_mut().enumerate().filter(|(_, slot)| slot.is_none()) {
            let task = up.client.get(&format!("api/tasks/{}", ids[n])).await?;
            if matches!(task["status"].as_str(), Some("completed" | "failed" | "cancelled")) {
                bar.inc(1);
                let title = short(task["result"]["productTitle"].as_str().unwrap_or(""), 40);
                bar.set_message(title.clone());
                if plain {
                    let (n, of) = (bar.position(), urls.len());
                    output
                        .say(&format!("  {n:>3}/{of} {:<10} {title}", task["status"].as_str().unwrap_or("")));
                }
                *slot = Some(task);
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bar.finish_and_clear();
    Ok(ended.into_iter().flatten().collect())
}

/// A path as people read it: below the folder where they are.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
