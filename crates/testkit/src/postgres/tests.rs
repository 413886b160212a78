//! A server goes with its users, however they end.

use super::{Cluster, Disk};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[test]
fn a_server_goes_with_a_process_that_is_killed() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "postgres::tests::child", "--nocapture", "--test-threads=1", "as-child"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let folder = lines.find_map(|line| Some(line.unwrap().split_once("folder=")?.1.to_owned())).unwrap();
    assert!(Path::new(&folder).join("data/postmaster.pid").is_file());
    child.kill().unwrap();
    child.wait().unwrap();
    let begin = Instant::now();
    while Path::new(&folder).exists() {
        assert!(begin.elapsed() < Duration::from_secs(30), "{folder} is still there");
        std::thread::yield_now();
    }
}

/// The child. Run by itself, without its argument, it has nothing to do.
#[test]
fn child() {
    if !std::env::args().any(|a| a == "as-child") {
        return;
    }
    let cluster = Cluster::start(Disk::Ignored).unwrap();
    println!("folder={}", cluster.folder.display());
    std::thread::park_timeout(Duration::from_secs(60));
    panic!("nobody killed me");
}

#[test]
fn killed_and_started_again() {
    let mut cluster = Cluster::start(Disk::Waits).unwrap();
    cluster.psql("postgres", "CREATE TABLE t AS SELECT 1 AS n").unwrap();
    cluster.kill().unwrap();
    assert!(cluster.psql("postgres", "SELECT 1").is_err());
    cluster.restart().unwrap();
    assert_eq!(cluster.psql("postgres", "SELECT n FROM t").unwrap(), "1");
    cluster.stop().unwrap();
    cluster.go_on().unwrap();
    assert_eq!(cluster.psql("postgres", "SELECT n FROM t").unwrap(), "1");
    let folder = cluster.folder.clone();
    drop(cluster);
    assert!(!folder.exists());
}
