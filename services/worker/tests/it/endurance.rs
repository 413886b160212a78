//! Many pages through one worker whose browser is killed again and again.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;
use ukai_testkit::shop::Shop;

use crate::{
    program::{Program, until},
    server::{Server, soon},
};

/// The most KiB that the worker that ships may take of an idle machine.
pub const MOST_IDLE: u64 = 30 << 10;

/// What was seen.
#[derive(Debug)]
pub struct Endured {
    pub kills: u32,
    pub failed_runs: u32,
    /// The longest time from a kill's failed run to the next result.
    pub longest_recovery: Duration,
    /// Resident memory of the worker in KiB: idle, after the first fifth, at the end.
    pub memory: (u64, u64, u64),
    /// What the idle worker had allocated of it.
    pub allocated: u64,
    pub descriptors: (usize, usize),
}

/// Sends `pages` pages through `binary` and kills its browser at every `kill_every`th.
pub async fn endure(binary: &Path, pages: u32, kill_every: u32) -> Endured {
    let (base, shop) = Shop::start("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let target = base.strip_prefix("http://").unwrap();
    let mut server = Server::start("127.0.0.1:0").await;
    let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let more = ["--allow-target", target, "--metrics-listen", &metrics];
    let mut program = Program::start(binary, &server.address, &more);
    server.connected().await;
    let idle = program.memory();
    let mut seen = Endured {
        kills: 0,
        failed_runs: 0,
        longest_recovery: Duration::ZERO,
        memory: (idle, 0, 0),
        allocated: program.allocated(),
        descriptors: (0, 0),
    };
    for page in 1..=pages {
        let path = if page % 4 == 0 { format!("/product/{page}") } else { format!("/jsonld/{page}") };
        let truth = shop.shop.truth(&path).unwrap();
        let mut killed: Option<Instant> = None;
        for run in 1.. {
            assert!(run < 5, "{path} never came");
            server.assign(&path, Some(run), &format!("{base}{path}"), Value::Null).await;
            server.expect("task:started").await;
            if page % kill_every == 0 && run == 1 {
                let browser = program.browser().unwrap();
                kill(Pid::from_raw(browser), Signal::SIGKILL).unwrap();
                seen.kills += 1;
                killed = Some(Instant::now());
            }
            let (name, payload) = server.next().await;
            if name == "task:completed" {
                assert_eq!(payload["result"]["productTitle"].as_str(), truth.title.as_deref(), "{path}");
                assert_eq!(payload["result"]["price"].as_f64(), truth.price, "{path}");
                break;
            }
            assert_eq!(name, "task:failed", "{payload:#}");
            assert_eq!(payload["error"]["type"], "NETWORK", "{payload:#}");
            assert!(killed.is_some(), "only a kill makes a run fail: {payload:#}");
            seen.failed_runs += 1;
        }
        if let Some(killed) = killed {
            seen.longest_recovery = seen.longest_recovery.max(killed.elapsed());
        }
        if page == pages / 5 {
            seen.memory.1 = program.memory();
            seen.descriptors.0 = program.descriptors();
        }
    }
    until("no corpse is left", || program.corpses() == 0).await;
    until("one profile is left", || program.profiles().len() == 1).await;
    seen.memory.2 = program.memory();
    seen.descriptors.1 = program.descriptors();
    // One that dies in idleness comes back by itself.
    let browser = program.browser().unwrap();
    kill(Pid::from_raw(browser), Signal::SIGKILL).unwrap();
    until("another browser is there", || program.browser().is_some_and(|now| now != browser)).await;
    until("the old profile is gone", || program.profiles().len() == 1).await;
    let alive = "\nukai_worker_browsers_alive 1\n";
    until("the browser is said to be alive", || read_metrics(&metrics).contains(alive)).await;
    let shown = read_metrics(&metrics);
    for line in [
        "ukai_worker_browsers_expected 1".to_owned(),
        "ukai_worker_connected 1".to_owned(),
        "ukai_worker_reports_waiting 0".to_owned(),
        format!("ukai_worker_browsers_crashed_total {}", seen.kills + 1),
    ] {
        assert!(shown.contains(&format!("\n{line}\n")), "{line} in {shown}");
    }
    program.signal(Signal::SIGTERM);
    server.expect("worker:draining").await;
    assert!(soon(program.child.wait()).await.unwrap().success());
    assert_eq!(program.profiles().len(), 0, "no profile is left");
    until("no process is left", || program.family().is_empty()).await;
    seen
}

fn read_metrics(address: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[tokio::test]
async fn forty_pages_with_the_browser_killed_at_every_tenth() {
    let binary = Path::new(env!("CARGO_BIN_EXE_ukai-worker"));
    let seen = endure(binary, 40, 10).await;
    println!("{seen:?}");
    assert_eq!(seen.kills, 4);
    assert!(seen.longest_recovery < Duration::from_secs(10), "{seen:?}");
    assert!(seen.memory.2 < seen.memory.1 + seen.memory.1 / 5, "{seen:?}");
    assert!(seen.descriptors.1 <= seen.descriptors.0 + 4, "{seen:?}");
    assert!(seen.allocated < 16 << 10, "{seen:?}");
    // Most of an unoptimised binary's memory are pages of its file, which is larger than the one that ships.
    assert!(cfg!(debug_assertions) || seen.memory.0 < MOST_IDLE, "{seen:?}");
}
