//! Screenshots and pages from a real browser, through a real server, to whoever asks.

use std::io::Cursor;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use image::{ImageFormat, ImageReader};
use reqwest::Method;
use serde_json::{Value, json};
use ukai_testkit::shop::Shop;

use crate::server::{Server, ukai};

/// A browser worker in a process of its own; it ends with the test.
struct Browser(Child);

impl Browser {
    async fn start(server: &Server, folder: &std::path::Path) -> Self {
        let made = server.ask(Method::POST, "/api/workers", &json!({ "name": "eyes" })).await;
        let log = std::fs::File::create(folder.join("worker.log")).unwrap();
        let child = ukai()
            .args(["worker", "--server", &server.url, "--name", "eyes", "--ipinfo-url", "off"])
            .args(["--allow-private-targets", "--min-delay-ms", "0", "--max-delay-ms", "0", "--state-dir"])
            .arg(folder.join("state"))
            .env("UKAI_TOKEN", made["token"].as_str().unwrap())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let id = nix::unistd::Pid::from_raw(i32::try_from(self.0.id()).unwrap());
        let _already_gone = nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(10) && matches!(self.0.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _already_gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// The task, once it is completed.
async fn scraped(server: &Server, url: &str, options: Value) -> Value {
    let made =
        server.ask(Method::POST, "/api/tasks", &json!({ "productUrl": url, "options": options })).await;
    completed(server, made["id"].as_str().unwrap()).await
}

async fn completed(server: &Server, id: &str) -> Value {
    let begun = Instant::now();
    loop {
        let task = server.get(&format!("/api/tasks/{id}")).await;
        assert!(!matches!(task["status"].as_str(), Some("failed" | "cancelled")), "{task:#}");
        if task["status"] == "completed" {
            return task;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{task:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn size(bytes: &[u8], format: ImageFormat) -> (u32, u32) {
    ImageReader::with_format(Cursor::new(bytes), format).into_dimensions().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browsers_pictures_and_pages_arrive() {
    let (shop_url, shop) = Shop::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let server = Server::start_with(&["--allow-private-targets"]).await;
    let folder = tempfile::tempdir().unwrap();
    let _browser = Browser::start(&server, folder.path()).await;

    let page = format!("{shop_url}/product/4");
    let task = scraped(&server, &page, json!({ "screenshot": true, "html": true })).await;
    let list = server.get(&format!("/api/tasks/{}/artifacts", task["id"].as_str().unwrap())).await;
    assert_eq!((&list["total"], &list["items"][1]["kind"]), (&2.into(), &"screenshot".into()), "{list:#}");
    let (html, picture) = (&list["items"][0], &list["items"][1]);
    for key in ["id", "kind", "url", "thumbnailUrl", "sha256", "size", "width", "height", "contentType"] {
        assert_eq!(task["output"]["artifacts"][0][key], picture[key], "the report names what is kept: {key}");
    }
    let png = server.bytes(picture["url"].as_str().unwrap()).await;
    let (width, height) = size(&png, ImageFormat::Png);
    assert_eq!(
        (picture["width"].as_u64(), picture["height"].as_u64()),
        (Some(width.into()), Some(height.into()))
    );
    assert_eq!(width, 1_366);
    let small = server.bytes(picture["thumbnailUrl"].as_str().unwrap()).await;
    let small = size(&small, ImageFormat::WebP);
    assert_eq!(small.0, 320);
    let source = String::from_utf8(server.bytes(html["url"].as_str().unwrap()).await).unwrap();
    let title = shop.shop.truth("/product/4").unwrap().title.unwrap();
    assert!(source.contains(&title), "the page as the browser saw it");

    let webp = json!({ "screenshot": { "format": "webp", "fullPage": false } });
    let task = scraped(&server, &page, webp).await;
    let entry = &task["output"]["artifacts"][0];
    assert_eq!(
        (&entry["contentType"], &entry["width"], &entry["height"]),
        (&"image/webp".into(), &1_366.into(), &900.into())
    );
    let bytes = server.bytes(entry["url"].as_str().unwrap()).await;
    assert_eq!(size(&bytes, ImageFormat::WebP), (1_366, 900));

    let part = scraped(&server, &page, json!({ "screenshot": { "selector": "h1" } })).await;
    let part = &part["output"]["artifacts"][0];
    assert!(part["height"].as_u64().unwrap() < 200, "the heading alone: {part:#}");
    let none = scraped(&server, &page, json!({ "screenshot": { "selector": "#nowhere" } })).await;
    assert_eq!(none["output"]["artifacts"][0]["error"]["code"], "NOT_TAKEN");
    shop.stop().await.unwrap();
}

/// Whether there is anything to see on it.
fn shows_something(png: &[u8]) -> bool {
    let picture = image::load_from_memory_with_format(png, ImageFormat::Png).unwrap().to_rgb8();
    let first = picture.get_pixel(0, 0);
    picture.pixels().any(|pixel| pixel != first)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_shown_while_it_is_on_its_way() {
    let (shop_url, shop) = Shop::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let server = Server::start_with(&["--allow-private-targets"]).await;
    let folder = tempfile::tempdir().unwrap();
    let _browser = Browser::start(&server, folder.path()).await;

    let page = format!("{shop_url}/slow?ms=4000&drip=1&n=4");
    let made = server.ask(Method::POST, "/api/tasks", &json!({ "productUrl": page })).await;
    let id = made["id"].as_str().unwrap();
    let begun = Instant::now();
    while shop.shop.requests("/slow") == 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "nobody came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let workers = server.get("/api/workers").await;
    let look = format!("/api/workers/{}/screenshot", workers["items"][0]["id"].as_str().unwrap());
    // The first moments of a page are blank.
    let mut looks = 0;
    let (live, png) = loop {
        looks += 1;
        let live = server.ask(Method::POST, &look, &Value::Null).await;
        let png = server.bytes(live["url"].as_str().unwrap()).await;
        if shows_something(&png) {
            break (live, png);
        }
        assert!(looks < 10, "{live:#}");
    };
    let task = server.get(&format!("/api/tasks/{id}")).await;
    assert_eq!(task["status"], "running", "the picture came while the page was open: {task:#}");
    assert_eq!((&live["kind"], &live["taskId"], &live["run"]), (&"live".into(), &made["id"], &1.into()));
    assert_eq!(size(&png, ImageFormat::Png), (1_366, 900));
    assert_eq!((&live["width"], &live["height"]), (&1_366.into(), &900.into()));
    let small = server.bytes(live["thumbnailUrl"].as_str().unwrap()).await;
    assert_eq!(size(&small, ImageFormat::WebP).0, 320);

    let task = completed(&server, id).await;
    assert_eq!(task["attemptNumber"], 1, "{task:#}");
    let list = server.get(&format!("/api/tasks/{id}/artifacts")).await;
    assert_eq!((&list["total"], &list["items"][0]), (&looks.into(), &live));
    let idle = reqwest::Client::new().post(format!("{}{look}", server.url)).bearer_auth(server.key());
    let idle = idle.send().await.unwrap();
    assert_eq!(idle.status().as_u16(), 409);
    shop.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_page_is_scraped_with_its_files() {
    let (shop_url, shop) = Shop::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("files");
    let mut command = ukai();
    command
        .args(["scrape", "--allow-private-targets", "--min-delay-ms", "0", "--max-delay-ms", "0"])
        .args(["--screenshot", "--html", "--files"])
        .arg(&files)
        .arg(format!("{shop_url}/jsonld/3"))
        .current_dir(folder.path());
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut endings = Vec::new();
    for entry in std::fs::read_dir(&files).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        endings.push(match path.extension().and_then(|ending| ending.to_str()) {
            Some("png") => (size(&bytes, ImageFormat::Png).0, "png"),
            Some("html") => (u32::from(bytes.starts_with(b"<!DOCTYPE html>")), "html"),
            other => panic!("{other:?}"),
        });
    }
    endings.sort_unstable();
    assert_eq!(endings, [(1, "html"), (1_366, "png")]);
    shop.stop().await.unwrap();
}

/// A refusal is read by its sender, also while the sender is still sending; and costs the server no memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_too_large_is_told_so() {
    let server = Server::start().await;
    let made = server.ask(Method::POST, "/api/workers", &json!({ "name": "large" })).await;
    let token = made["token"].as_str().unwrap();
    let before = server.memory();
    let large = vec![b'<'; 28 << 20];
    let hash = ukai_artifacts::Sha256::of(b"nobody comes to compare it");
    let query = format!("taskId=01900000-0000-7000-8000-00000000ffff&run=1&kind=html&sha256={hash}");
    for chunked in [false, true] {
        let body = if chunked {
            let parts: Vec<Result<_, std::io::Error>> =
                large.chunks(1 << 16).map(|part| Ok(part.to_vec())).collect();
            reqwest::Body::wrap_stream(futures::stream::iter(parts))
        } else {
            reqwest::Body::from(large.clone())
        };
        let put = reqwest::Client::new().put(format!("{}/api/artifacts?{query}", server.url));
        let put = put.bearer_auth(token).header("content-type", "text/html").body(body);
        let answer = put.send().await.unwrap();
        let status = answer.status().as_u16();
        let answer: Value = answer.json().await.unwrap();
        // Without a length the run is asked about first, and there is none.
        let want = if chunked { (409, "CONFLICT") } else { (413, "PAYLOAD_TOO_LARGE") };
        assert_eq!((status, answer["code"].as_str().unwrap()), want, "{answer}");
    }
    let grown = server.memory().saturating_sub(before);
    let one = u64::try_from(large.len()).unwrap() >> 10;
    assert!(grown < one * 3 / 4, "{grown} KiB more than before, of two bodies of {one} KiB");
}
