//! What an idle worker's socket costs a gateway: resident memory, and what of it is allocated in which sizes; and the
//! processor time of its heartbeats, one each ten seconds as workers send them. The leader
//! is played here and does nothing but registering; the clients are another process, started by this one.
//!
//! `cargo run --release -p ukai-gateway --example idle_memory [connections] [aged] [owners]`. With `aged` the engine pings
//! each half second, so that each socket has sent what it sends in a quarter of an hour. With `owners` each allocation that
//! lives on is told with the calls that made it (a few hundred connections are enough).

#![allow(
    unsafe_code,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measuring tool: it stops where something is wrong, and an allocator that counts is unsafe to write"
)]

use bytes::Bytes;
use prost::Message;
use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::collections::HashMap;
use std::io::BufRead;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
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
/// Processor time is taken over this long.
const CPU_WINDOW: Duration = Duration::from_secs(30);
/// Sizes are counted one by one up to this, then in steps of it.
const FINE: usize = 16_384;

/// Live allocations by size.
struct Counting {
    live: [AtomicI64; FINE],
    larger: AtomicI64,
}

static COUNTS: Counting = Counting { live: [const { AtomicI64::new(0) }; FINE], larger: AtomicI64::new(0) };

/// Where what lives was allocated, while that is asked for.
static OWNERS: Mutex<Option<HashMap<usize, (usize, Backtrace)>>> = Mutex::new(None);
static ASKS: AtomicBool = AtomicBool::new(false);

thread_local! {
    /// Whether this thread is noting an allocation: what that allocates is not noted.
    static IS_NOTING: Cell<bool> = const { Cell::new(false) };
}

/// Notes, outside of its own allocations.
fn note(change: impl FnOnce(&mut HashMap<usize, (usize, Backtrace)>)) {
    if !ASKS.load(Ordering::Relaxed) || IS_NOTING.try_with(|noting| noting.replace(true)).unwrap_or(true) {
        return;
    }
    if let Some(owners) = &mut *OWNERS.lock().unwrap_or_else(PoisonError::into_inner) {
        change(owners);
    }
    let _gone = IS_NOTING.try_with(|noting| noting.set(false));
}

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

// SAFETY: every call goes to the allocator of the process as it came; only counters are touched besides.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNTS.count(layout.size(), 1);
        let at = unsafe { System.alloc(layout) };
        note(|owners| drop(owners.insert(at as usize, (layout.size(), Backtrace::force_capture()))));
        at
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        COUNTS.count(layout.size(), -1);
        note(|owners| drop(owners.remove(&(at as usize))));
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        COUNTS.count(layout.size(), -1);
        COUNTS.count(size, 1);
        note(|owners| drop(owners.remove(&(at as usize))));
        let at = unsafe { System.realloc(at, layout, size) };
        note(|owners| drop(owners.insert(at as usize, (size, Backtrace::force_capture()))));
        at
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
    let has = |name: &str| words.iter().any(|word| word == name);
    let address = gateway(has("aged")).await;
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
    if has("owners") {
        *OWNERS.lock().unwrap() = Some(HashMap::new());
        ASKS.store(true, Ordering::Relaxed);
    }
    let done = tokio::task::spawn_blocking(move || lines.next().unwrap().unwrap());
    assert_eq!(done.await.unwrap(), (count + 100).to_string());
    tokio::time::sleep(if has("aged") { Duration::from_secs(30) } else { Duration::from_secs(12) }).await;
    let ((after, larger_after), resident_after) = (COUNTS.all(), resident());
    ASKS.store(false, Ordering::Relaxed);
    let cpu_before = cpu_seconds();
    tokio::time::sleep(CPU_WINDOW).await;
    let cpu = cpu_seconds() - cpu_before;
    child.kill().unwrap();
    let _ended = child.wait();

    let each = |bytes: i64| bytes as f64 / count as f64;
    let mut sizes: Vec<(usize, i64)> =
        after.iter().zip(&before).map(|(after, before)| after - before).enumerate().collect();
    let total: i64 = sizes.iter().map(|(size, n)| i64::try_from(*size).unwrap() * n).sum::<i64>()
        + larger_after
        - larger_before;
    println!("{count} connections: resident {:.2} KiB each", each(resident_after - resident_before));
    let thousand_minutes = (count + 100) as f64 / 1_000.0 * CPU_WINDOW.as_secs_f64() / 60.0;
    println!("{:.3} CPU-seconds per 1,000 worker-minutes", cpu / thousand_minutes);
    println!("allocated {:.0} bytes each, of them", each(total));
    sizes.sort_by_key(|(size, n)| -i64::try_from(*size).unwrap() * n);
    for (size, n) in sizes.iter().take(24).filter(|(_, n)| *n * 20 > count) {
        println!("{:>8.0} bytes: {:>5.2} of {size}", each(i64::try_from(*size).unwrap() * n), each(*n));
    }
    println!("{:>8.0} bytes: larger than {FINE}", each(larger_after - larger_before));
    let owners = OWNERS.lock().unwrap().take();
    tell_owners(owners.unwrap_or_default(), each);
}

/// Each size with the calls that allocated it, the most bytes first.
fn tell_owners(owners: HashMap<usize, (usize, Backtrace)>, each: impl Fn(i64) -> f64) {
    let mut groups: HashMap<(usize, String), i64> = HashMap::new();
    for (size, trace) in owners.into_values() {
        *groups.entry((size, calls(&trace.to_string()))).or_default() += 1;
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by_key(|((size, _), n)| -i64::try_from(*size).unwrap() * n);
    for ((size, calls), n) in groups.into_iter().take(80) {
        println!("\n{:.0} bytes: {:.2} of {size}{calls}", each(i64::try_from(size).unwrap() * n), each(n));
    }
}

/// The names of the calls, without those that are in every trace.
fn calls(trace: &str) -> String {
    const EVERYWHERE: [&str; 7] =
        ["std::", "core::", "alloc::", "<alloc", "idle_memory::note", "__rust", "<idle_memory::Allocator"];
    let names = trace.lines().filter_map(|line| Some(line.trim_start().split_once(": ")?.1));
    let telling = names.filter(|name| !EVERYWHERE.iter().any(|start| name.starts_with(start)));
    telling.take(8).map(|name| format!("\n    {name}")).collect()
}

/// A gateway that runs until the process ends; its address.
async fn gateway(ages: bool) -> String {
    let bus = LocalBus::new();
    leader(&bus).await;
    let folder = std::env::temp_dir().join(format!("ukai-idle-memory-{}", std::process::id()));
    let reads = ukai_store::sqlite::SqliteStore::open(&folder).unwrap();
    let mut config = Config { enroll_token: Some(TOKEN.to_owned()), ..Config::default() };
    config.limits.handshakes_per_second = 100_000;
    if ages {
        config.limits.ping_interval = Duration::from_millis(500);
    }
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

/// Connects, tells after a hundred and at the end, and sends a heartbeat each ten seconds.
async fn clients(address: &str, count: usize) {
    let target = Target::new(&format!("{address}/?token={TOKEN}"), "/workers").unwrap();
    for n in 1..=count {
        let mut connection = Connection::open(&target, "").await.unwrap();
        tokio::spawn(async move {
            let mut beat = tokio::time::interval(Duration::from_secs(10));
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

/// Seconds of processor time of this process so far, in steps of a tick of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    fields.skip(11).take(2).map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

/// Kilobytes of this process in memory.
fn resident() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
