//! What a task costs the store, through its whole life: submitted, handed out, started, completed with a result of
//! a full product record. Prints CPU and wall time a task for several sizes of batches.
//!
//! `cargo run --release -p ukai-store --example commit_cost [tasks]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring tool: it stops where something is wrong"
)]

mod steps;

use std::sync::Arc;
use std::time::{Duration, Instant};
use steps::{Bench, Shape};
use ukai_store::sqlite::SqliteStore;
use ukai_store::{Reads, Store};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let tasks: usize = std::env::args().nth(1).map_or(50_000, |n| n.parse().unwrap());
    for shape in [Shape::Queued, Shape::Direct, Shape::Deep] {
        for batch in [30, 100, 500] {
            measure(tasks, batch, shape).await;
        }
    }
}

async fn measure(tasks: usize, batch: usize, shape: Shape) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path()).unwrap();
    let epoch = store.take_over("", Duration::from_secs(5)).await.unwrap().unwrap().epoch;
    let mut bench = Bench::new(epoch, shape);
    let mut refill = Duration::ZERO;
    let (wall, cpu) = (Instant::now(), cpu_time());
    let mut made = Duration::ZERO;
    while bench.completed < tasks {
        let begin = own_time();
        let commit = Arc::new(bench.step(batch, tasks));
        made += own_time() - begin;
        let needs = bench.needs(batch);
        store.commit(commit).await.unwrap();
        let begin = cpu_time();
        store.prefetch(needs).await.unwrap();
        refill += cpu_time() - begin;
    }
    let (wall, cpu) = (wall.elapsed(), cpu_time() - cpu - made);
    let each = |d: Duration| d.as_secs_f64() * 1e6 / tasks as f64;
    let total = store.total_counts().await.unwrap();
    assert_eq!(total.completed, i64::try_from(tasks).unwrap());
    drop(store);
    let size = std::fs::metadata(folder.path().join("ukai.db")).unwrap().len();
    println!(
        "batch {batch:>4} {shape:?}: {:>5.1} us CPU a task ({:.1} us of it to read it back), {:>6.1} us wall, {:>6.0} tasks/s, {} bytes a task, {} commits",
        each(cpu),
        each(refill),
        each(wall),
        tasks as f64 / wall.as_secs_f64(),
        size / tasks as u64,
        bench.n,
    );
}

/// Time on a CPU of all threads of this process, from the kernel.
fn cpu_time() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    threads.map(|thread| on_cpu(&thread.unwrap().path())).sum()
}

/// The same of this thread alone.
fn own_time() -> Duration {
    on_cpu(std::path::Path::new("/proc/thread-self"))
}

fn on_cpu(of: &std::path::Path) -> Duration {
    let stat = std::fs::read_to_string(of.join("schedstat")).unwrap();
    Duration::from_nanos(stat.split_whitespace().next().unwrap().parse().unwrap())
}
