//! What a task costs PostgreSQL, through its whole life: submitted, handed out, started, completed with a result of a
//! full product record; with fsync, on a server of its own. Prints wall time and CPU a task, of the server's processes
//! and of this one, for several sizes of batches; then the same while somebody holds an old snapshot.
//!
//! `cargo run --release -p ukai-store --example postgres_cost [tasks] [tasks a commit]`

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring tool: it stops where something is wrong"
)]

mod steps;

use std::sync::Arc;
use std::time::{Duration, Instant};
use steps::{Bench, Shape};
use tokio_postgres::NoTls;
use ukai_store::postgres::{Options, PostgresStore};
use ukai_store::{Reads, Store};
use ukai_testkit::postgres::{Cluster, Disk};

#[tokio::main]
async fn main() {
    let tasks: usize = std::env::args().nth(1).map_or(50_000, |n| n.parse().unwrap());
    let batches = std::env::args().nth(2).map_or(vec![30, 125, 500], |n| vec![n.parse().unwrap()]);
    for shape in [Shape::Queued, Shape::Direct, Shape::Deep] {
        for &batch in &batches {
            measure(tasks, batch, shape, false).await;
        }
    }
    measure(tasks, batches[batches.len() / 2], Shape::Queued, true).await;
}

/// `batch` tasks a commit arrive, as many are handed out, start and complete: four inputs a task.
async fn measure(tasks: usize, batch: usize, shape: Shape, hold: bool) {
    let cluster = Cluster::start(Disk::Waits).unwrap();
    let url = cluster.url("postgres");
    let store = PostgresStore::connect(&url, Options::default()).await.unwrap();
    let epoch = store.take_over("", Duration::from_secs(5)).await.unwrap().unwrap().epoch;
    let (holder, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    if hold {
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ukai.task";
        holder.batch_execute(begin).await.unwrap();
    }
    let mut bench = Bench::new(epoch, shape);
    let (wall, own, server) = (Instant::now(), own_cpu(), server_cpu(&cluster));
    let (mut made, mut committing) = (Duration::ZERO, Duration::ZERO);
    while bench.completed < tasks {
        let begin = Instant::now();
        let commit = Arc::new(bench.step(batch, tasks));
        made += begin.elapsed();
        let needs = bench.needs(batch);
        let begin = Instant::now();
        store.commit(commit).await.unwrap();
        committing += begin.elapsed();
        store.prefetch(needs).await.unwrap();
    }
    let wall = wall.elapsed() - made;
    let (own, server) = (own_cpu() - own - made, server_cpu(&cluster) - server);
    let each = |d: Duration| d.as_secs_f64() * 1e6 / tasks as f64;
    let total = store.total_counts().await.unwrap();
    assert_eq!(total.completed, i64::try_from(tasks).unwrap());
    let held = if hold { ", an old snapshot held" } else { "" };
    println!(
        "{batch:>4} tasks a commit, {shape:?}{held}: {:>5.1} us of PostgreSQL's CPU a task, {:>5.1} us of ours, {:>6.1} us wall, {:>6.0} tasks/s, {:>5.2} ms a commit, {} commits",
        each(server),
        each(own),
        each(wall),
        tasks as f64 / wall.as_secs_f64(),
        committing.as_secs_f64() * 1e3 / bench.n as f64,
        bench.n,
    );
    drop(holder);
    connection.abort();
}

/// Of this process, user and system.
fn own_cpu() -> Duration {
    of(&["self".to_owned()], &[11, 12])
}

/// Of all processes of the server, with those that have ended.
fn server_cpu(cluster: &Cluster) -> Duration {
    let processes: Vec<String> = cluster.processes().unwrap().iter().map(ToString::to_string).collect();
    let (children, server) = processes.split_at(processes.len() - 1);
    of(children, &[11, 12]) + of(server, &[11, 12, 13, 14])
}

/// The fields of `stat` behind the name, in steps of 10 ms.
fn of(processes: &[String], fields: &[usize]) -> Duration {
    let ticks = |process: &String| -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let all: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        fields.iter().filter_map(|n| all.get(*n)?.parse::<u64>().ok()).sum()
    };
    Duration::from_millis(processes.iter().map(ticks).sum::<u64>() * 10)
}
