//! What an idle worker's socket costs a gateway: resident memory, and what of it is allocated in which sizes. The leader
//! is played here and does nothing but registering; the clients are another process, started by this one.
//!
//! `cargo run --release -p ukai-gateway --example idle_memory [connections]`

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measuring tool: it stops where something is wrong, and an allocator that counts is unsafe to write"
)]

use bytes::Bytes;
use mimalloc::MiMalloc;
use prost::Message;
use std::alloc::{GlobalAlloc, Layout};
use std::io::BufRead;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use ukai_boot::http::{ListenLimits, serve};
use ukai_boot::{Registry, Shutdown};
use ukai_bus::{Bus, LocalBus, SCHEDULER_IN};
use ukai_gateway::{Config, Gateway};
use ukai_rpc::v1::{self, gateway_input::Input, input_reply::Reply};
use ukai_socketio::{Connection, Target};

const TOKEN: &str = "enrolment";
const HEARTBEAT: &str = r#"{"status":"idle","networkInfo":{"externalIp":"","ispName":"","lastCheckedAt":""},"stats":{"tasksCompleted":0,"tasksFailed":0,"uptime":1}}"#;
/// Sizes are counted one by one up to this, then in steps of it.
const FINE: usize = 16_384;

/// Live allocations by size.
struct Counting {
    live: [AtomicI64; FINE],
    larger: AtomicI64,
}

static COUNTS: Counting = Counting { live: [const { AtomicI64::new(0) }; FINE], larger: AtomicI64::new(0) };

struct Allocator;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

impl Counting {
    fn count(&self, size: usize, by: i64) {
        match self.live.get(size) {
            Some(count) => count.fetch_add(by, Ordering::Relaxed),
            None => self.larger.fetch_add(by * i64::try_from(size).unwrap_or(0), Ordering::Relaxed),
        };
    }

    fn all(&self) -> (Vec<i64>, i64) {
        let live = self.live.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        (live, self.larger.load(Ordering::Relaxed))
    }
}

// SAFETY: every call goes to mimalloc as it came; only counters are touched besides.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNTS.count(layout.size(), 1);
        unsafe { MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        COUNTS.count(layout.size(), -1);
        unsafe { MiMalloc.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNTS.count(layout.size(), -1);
        COUNTS.count(size, 1);
        unsafe { MiMalloc.realloc(at, layout, size) }
    }
}

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [role, address, count] = &words[..]
        && role == "clients"
    {
        return clients(address, count.parse().unwrap()).await;
    }
    let count: i64 = words.first().map_or(2_000, |n| n.parse().unwrap());
    let address = gateway().await;
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["clients", &address, &(count + 100).to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    // The first hundred pay for what is allocated once.
    assert_eq!(lines.next().unwrap().unwrap(), "100");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let ((before, larger_before), resident_before) = (COUNTS.all(), resident());
    let done = tokio::task::spawn_blocking(move || lines.next().unwrap().unwrap());
    assert_eq!(done.await.unwrap(), (count + 100).to_string());
    tokio::time::sleep(Duration::from_secs(12)).await;
    let ((after, larger_after), resident_after) = (COUNTS.all(), resident());
    child.kill().unwrap();
    let _ended = child.wait();

    let each = |bytes: i64| bytes as f64 / count as f64;
    let mut sizes: Vec<(usize, i64)> =
        after.iter().zip(&before).map(|(after, before)| after - before).enumerate().collect();
    let total: i64 = sizes.iter().map(|(size, n)| i64::try_from(*size).unwrap() * n).sum::<i64>()
        + larger_after
        - larger_before;
    println!("{count} connections: resident {:.2} KiB each", each(resident_after - resident_before));
    println!("allocated {:.0} bytes each, of them", each(total));
    sizes.sort_by_key(|(size, n)| -i64::try_from(*size).unwrap() * n);
    for (size, n) in sizes.iter().take(24).filter(|(_, n)| *n * 20 > count) {
        println!("{:>8.0} bytes: {:>5.2} of {size}", each(i64::try_from(*size).unwrap() * n), each(*n));
    }
    println!("{:>8.0} bytes: larger than {FINE}", each(larger_after - larger_before));
}

/// A gateway that runs until the process ends; its address.
async fn gateway() -> String {
    let bus = LocalBus::new();
    leader(&bus).await;
    let folder = std::env::temp_dir().join(format!("ukai-idle-memory-{}", std::process::id()));
    let reads = ukai_store::sqlite::SqliteStore::open(&folder).unwrap();
    let mut config = Config { enroll_token: Some(TOKEN.to_owned()), ..Config::default() };
    config.limits.handshakes_per_second = 100_000;
    let gateway = Gateway::new(config, Arc::new(bus), reads, &mut Registry::default());
    std::fs::remove_dir_all(folder).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let shutdown = Shutdown::new();
    tokio::spawn(serve(listener, gateway.routes(), shutdown.clone(), ListenLimits::default()));
    tokio::spawn(gateway.run(shutdown));
    address
}

/// Accepts everything.
async fn leader(bus: &LocalBus) {
    let mut requests = bus.serve(SCHEDULER_IN).await.unwrap();
    tokio::spawn(async move {
        while let Some(request) = requests.recv().await {
            let batch = v1::GatewayBatch::decode(request.payload.clone()).unwrap();
            let reply = |input: &v1::GatewayInput| match &input.input {
                Some(Input::Connect(connect)) => Reply::Registered(connect.session.clone()),
                _ => Reply::Accepted(v1::Accepted { duplicate: false }),
            };
            let mut replies: Vec<_> =
                batch.inputs.iter().map(|input| v1::InputReply { reply: Some(reply(input)) }).collect();
            if batch.announce {
                let is_last = batch.part == batch.parts;
                let accepted = Reply::Accepted(v1::Accepted { duplicate: false });
                replies = vec![v1::InputReply { reply: Some(accepted) }; usize::from(is_last)];
            }
            let seq = batch.seq;
            let reply = v1::GatewayReply { epoch: 1, seq, announce_first: false, replies };
            request.respond(Bytes::from(reply.encode_to_vec()));
        }
    });
}

/// Connects, tells after a hundred and at the end, and sends a heartbeat each five seconds.
async fn clients(address: &str, count: usize) {
    let target = Target::new(&format!("{address}/?token={TOKEN}"), "/workers").unwrap();
    for n in 1..=count {
        let mut connection = Connection::open(&target, "").await.unwrap();
        tokio::spawn(async move {
            let mut beat = tokio::time::interval(Duration::from_secs(5));
            loop {
                tokio::select! {
                    _ = beat.tick() => { connection.emit_raw("worker:heartbeat", HEARTBEAT, false).unwrap(); }
                    incoming = connection.next() => { incoming.unwrap(); }
                }
            }
        });
        if n == 100 || n == count {
            println!("{n}");
            // The first look is taken without anybody connecting.
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
    }
    std::future::pending().await
}

/// Kilobytes of this process in memory.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
