//! kill -9 at many moments: what was confirmed is there, nothing is there in part, the start is quick.
//!
//! A child process commits a deterministic stream and prints the number of each confirmed commit. It is killed
//! while a commit is held at a named point inside, or at any moment. The parent then opens the folder, compares
//! everything with the model at the last commit found, and starts the next child on the same folder.

use crate::conformance::LEASE;
use crate::kit::{START, World, assert_same};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use ukai_store::Store;
use ukai_store::sqlite::{Options, SqliteStore};

/// How many kills.
const MOMENTS: usize = if cfg!(feature = "long-tests") { 1_000 } else { 200 };
/// Kills on one folder, before the next begins with an empty one.
const KILLS_A_FOLDER: usize = 25;
/// Folders that are worked on side by side.
const LANES: usize = 4;

/// Where a commit is open while it is held.
const OPEN: [&str; 10] = [
    "store-fenced",
    "store-named",
    "store-tasks",
    "store-moved-out",
    "store-moved",
    "store-expanded",
    "store-counted",
    "store-logged",
    "store-before-commit",
    "store-before-commit",
];
/// Where it is not.
const CLOSED: [&str; 2] = ["store-before-begin", "store-committed"];

/// Small, so that uncommitted pages spill into the log, and the log is copied again and again.
fn options() -> Options {
    Options {
        writer_cache_kib: 40,
        checkpoint_frames: 60,
        run_tail: 50,
        event_tail: 50,
        ..Options::default()
    }
}

#[test]
fn nothing_is_lost_and_nothing_is_there_in_part() {
    let folders = MOMENTS / KILLS_A_FOLDER;
    let (kills, held) = std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                scope.spawn(move || {
                    let mine = (lane..folders).step_by(LANES);
                    mine.map(one_folder).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
                })
            })
            .collect();
        lanes.into_iter().map(|l| l.join().expect("a lane")).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1))
    });
    assert_eq!(kills, MOMENTS);
    assert!(held * 100 >= kills * 80, "only {held} of {kills} kills hit an open commit");
}

/// Kills on one folder, and how many of them hit an open commit.
fn one_folder(seed: usize) -> (usize, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut dice = World::new(seed as u64 + 1_000);
    let mut model = Stream::new(seed as u64);
    let mut held = 0;
    for _ in 0..KILLS_A_FOLDER {
        let point = match dice.dice(20) {
            0 => CLOSED[dice.dice(CLOSED.len())],
            1..=2 => "-",
            _ => OPEN[dice.dice(OPEN.len())],
        };
        held += usize::from(OPEN.contains(&point));
        let free = dice.dice(4);
        let (confirmed, at) = kill_one(folder.path(), seed, point, free, dice.dice(4_000));
        runtime.block_on(check(folder.path(), &mut model, confirmed, &at));
    }
    (KILLS_A_FOLDER, held)
}

/// The number of the last commit that the child confirmed, and what it was doing.
fn kill_one(folder: &Path, seed: usize, point: &str, free: usize, micros: usize) -> (u64, String) {
    let mut child = Killed(
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sqlite::kill::child", "--nocapture", "--test-threads=1"])
            .arg(format!("child={}={seed}={point}={free}", folder.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap(),
    );
    let lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    let (mut confirmed, mut seen) = (0, 0);
    let mut killed = false;
    for line in lines {
        let line = line.unwrap();
        // The harness's own words may stand before the first.
        if let Some((_, number)) = line.rsplit_once("confirmed ") {
            confirmed = number.parse().unwrap();
            seen += 1;
        }
        if killed {
            continue;
        }
        if line.ends_with("held") {
            child.kill();
            killed = true;
        } else if point == "-" && seen == free + 1 {
            // Anywhere in the commits that follow, their fsync included.
            let moment = Instant::now() + Duration::from_micros(micros as u64);
            while Instant::now() < moment {
                std::hint::spin_loop();
            }
            child.kill();
            killed = true;
        }
    }
    assert!(killed, "the child ended by itself at {point} after {confirmed}");
    (confirmed, format!("{point} after {confirmed}"))
}

/// Ended in any case.
struct Killed(Child);

impl Killed {
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn check(folder: &Path, model: &mut Stream, confirmed: u64, at: &str) {
    let begin = Instant::now();
    let store = SqliteStore::open_with(folder, &options()).unwrap();
    let epoch = store.take_over("", LEASE).await.unwrap().unwrap().epoch;
    let loaded = store.load(epoch, 10_000).await.unwrap();
    let start = begin.elapsed();
    assert!(start < Duration::from_secs(3), "the start took {start:?} at {at}");
    let found = Stream::commits_until(loaded.last_now);
    assert!(found >= confirmed, "confirmed {confirmed}, found {found} at {at}");
    assert!(found <= confirmed.max(model.done) + 1, "confirmed {confirmed}, found {found} at {at}");
    model.advance_to(found);
    model.world.epoch = epoch;
    if found > 0 {
        assert_same(&*store, &model.world).await;
    }
    drop(store);
    let raw = rusqlite::Connection::open(folder.join("ukai.db")).unwrap();
    let verdict: String = raw.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok", "at {at}");
}

/// The same commits in parent and child, numbered by their time.
struct Stream {
    world: World,
    done: u64,
}

impl Stream {
    fn new(seed: u64) -> Self {
        Self { world: World::new(seed), done: 0 }
    }

    fn next(&mut self) -> std::sync::Arc<ukai_domain::scheduler::Commit> {
        if self.done == 0 {
            self.world.found();
        } else {
            // Now and then one that is larger than the page cache.
            let size = if self.world.dice(6) == 0 { 150 } else { 25 };
            self.world.random(size);
        }
        self.done += 1;
        self.world.take()
    }

    fn advance_to(&mut self, commits: u64) {
        while self.done < commits {
            self.next();
        }
    }

    fn commits_until(now: ukai_domain::Timestamp) -> u64 {
        u64::try_from(now.0 - START + 1).unwrap_or(0)
    }
}

/// The child. Run by itself, without its argument, it has nothing to do.
#[test]
fn child() {
    let Some(order) = std::env::args().find_map(|a| a.strip_prefix("child=").map(str::to_owned)) else {
        return;
    };
    let parts: Vec<&str> = order.rsplitn(4, '=').collect();
    let [free, point, seed, folder] = parts[..] else { panic!("{order}") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(stream(Path::new(folder), seed.parse().unwrap(), point, free.parse().unwrap()));
}

async fn stream(folder: &Path, seed: u64, point: &str, free: usize) {
    let store = SqliteStore::open_with(folder, &options()).unwrap();
    let epoch = store.take_over("", LEASE).await.unwrap().unwrap().epoch;
    let last = store.load(epoch, 1).await.unwrap().last_now;
    let mut stream = Stream::new(seed);
    stream.advance_to(Stream::commits_until(last));
    (stream.world.epoch, stream.world.n) = (epoch, 0);
    for n in 0.. {
        if n == free && point != "-" {
            hold(point);
        }
        assert!(n < 10_000, "nobody killed me");
        store.commit(stream.next()).await.unwrap();
        say(&format!("confirmed {}", stream.done));
    }
}

/// From now on the point holds, until the child is killed; one that nobody kills fails the test.
fn hold(point: &str) {
    fail::cfg_callback(point, || {
        say("held");
        std::thread::park_timeout(Duration::from_secs(60));
        std::process::exit(1);
    })
    .unwrap();
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
}
