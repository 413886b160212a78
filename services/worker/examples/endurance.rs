//! The long form of the endurance test: 500 pages, the browser killed at every 50th. Prints what it saw.
//!
//! `cargo build --release -p ukai-worker && cargo run --release -p ukai-worker --example endurance -- [PAGES] [KILL_EVERY]`

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "it shares its parts with the tests, and prints"
)]

#[path = "../tests/it/endurance.rs"]
mod endurance;
#[path = "../tests/it/files.rs"]
mod files;
#[path = "../tests/it/program.rs"]
mod program;
#[path = "../tests/it/server.rs"]
mod server;

#[tokio::main]
async fn main() {
    let mut numbers = std::env::args().skip(1).map(|text| text.parse().unwrap());
    let (pages, kill_every) = (numbers.next().unwrap_or(500), numbers.next().unwrap_or(50));
    let binary = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("ukai-worker");
    let started = std::time::Instant::now();
    let seen = endurance::endure(&binary, pages, kill_every).await;
    let (idle, early, end) = seen.memory;
    println!(
        "{pages} pages in {:.1?}, {} kills, {} runs failed by them",
        started.elapsed(),
        seen.kills,
        seen.failed_runs
    );
    println!("longest recovery {:.2?}", seen.longest_recovery);
    println!(
        "worker memory: {idle} KiB idle ({} allocated), {early} after a fifth, {end} at the end",
        seen.allocated
    );
    println!("descriptors: {} after a fifth, {} at the end", seen.descriptors.0, seen.descriptors.1);
    println!("nothing left: no process, no profile folder, no corpse");
    assert!(end < early + early / 10, "the worker's memory is not flat");
    assert!(idle < endurance::MOST_IDLE, "the idle worker takes too much");
}
