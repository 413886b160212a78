//! A visible browser: the page of a task stands in a window of a real display, also when the server asks for it later.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use ukai_boot::Shutdown;
use ukai_testkit::screen::Screen;

use crate::{
    server::{Server, soon},
    worker::config,
};

const COLOUR: u32 = 0x00b4_1e5a;
/// One colour, and a text that keeps changing for a while: the window stands as long.
const PAGE: &str = r#"<!doctype html><title>Lamp</title><body style="background:#b41e5a"><h1>Lamp</h1><p id=p></p>
<script type="application/ld+json">{"@context": "https://schema.org", "@type": "Product", "name": "Lamp",
"offers": {"@type": "Offer", "price": "12.50", "priceCurrency": "EUR"}}</script>
<script>let n = 0; const t = setInterval(() => { p.textContent = ++n; if (n > 8) clearInterval(t) }, 150);</script>"#;

/// Any request gets the page.
async fn coloured() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let _ = socket.read(&mut [0; 4096]).await;
                let head = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    PAGE.len()
                );
                let _ = socket.write_all((head + PAGE).as_bytes()).await;
            });
        }
    });
    base
}

/// The most of the screen that the page had while its task ran.
async fn seen(server: &mut Server, screen: &Screen, task: &str, url: &str) -> f64 {
    server.assign(task, Some(1), url, Value::Null).await;
    server.expect("task:started").await;
    let (begun, mut most) = (Instant::now(), 0.0_f64);
    loop {
        most = most.max(screen.share_of(COLOUR).unwrap());
        match tokio::time::timeout(Duration::from_millis(50), server.next()).await {
            Ok((name, payload)) if name == "task:completed" => {
                assert_eq!(payload["result"]["productTitle"], "Lamp", "{payload:#}");
                return most;
            }
            Ok((name, payload)) => assert_ne!(name, "task:failed", "{payload:#}"),
            Err(_elapsed) => assert!(begun.elapsed() < Duration::from_secs(60), "it never ends"),
        }
    }
}

/// After how many pages it is shown, or no longer: another browser is started beside the one that works.
async fn turns(server: &mut Server, screen: &Screen, url: &str, shown: bool) -> usize {
    let mut shares = Vec::new();
    while shares.len() < 8 {
        let task = format!("{shown}-{}-{}", shares.len(), uuid::Uuid::new_v4());
        shares.push(seen(server, screen, &task, url).await);
        if shares.last().is_some_and(|share| if shown { *share > 0.3 } else { *share < 0.01 }) {
            return shares.len();
        }
    }
    panic!("shown: {shown}, but of the screen it covers {shares:?}");
}

#[tokio::test]
async fn shows_its_pages_in_a_window() {
    let state = tempfile::tempdir().unwrap();
    let screen = Screen::start().unwrap();
    let url = coloured().await;
    let mut server = Server::start("127.0.0.1:0").await;
    let shutdown = Shutdown::new();
    let flags = ["--allow-private-targets", "--headful", "--display", screen.name()];
    let config = config(&server.address, state.path(), &flags);
    let worker = tokio::spawn(Box::pin(ukai_worker::run(config, shutdown.clone())));
    server.connected().await;
    assert!(turns(&mut server, &screen, &url, true).await < 2, "from the first page on");
    server.emit("worker:config_update", json!({"headless": true})).await;
    turns(&mut server, &screen, &url, false).await;
    server.emit("worker:config_update", json!({"headless": false})).await;
    turns(&mut server, &screen, &url, true).await;
    shutdown.stop();
    soon(worker).await.unwrap().unwrap();
}
