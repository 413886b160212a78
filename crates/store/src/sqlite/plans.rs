//! At a million waiting tasks in a hundred thousand windows: no hot statement scans or sorts, and what is timed is
//! timed in CPU of this thread, so that a busy machine doesn't fail it.

use super::read::{event, list};
use super::{commit, leader, load, migrate, prefetch};
use crate::{TaskFilter, TaskStatus};
use rusqlite::{Connection, params};
use std::time::Duration;
use ukai_domain::scheduler::{Needs, RangeKey, RangeNeed, SweepNeed, WindowKey, WindowNeed};
use ukai_domain::{DoneStatus, JobId, LaneKey, TaskId, WorkerId};
use uuid::Uuid;

/// Windows of nine rows each: 100 jobs on 1,000 hosts.
const SMALL: i64 = 9;
/// And as many deep ones, on one host.
const DEEP: i64 = 1_000;

#[test]
fn a_million_waiting_tasks() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut conn = Connection::open(folder.path().join("million.db")).expect("a file");
    migrate::migrate(&mut conn).expect("a schema");
    fill(&conn);
    let rows: i64 = conn.query_row("SELECT count(*) FROM task_ready", [], |row| row.get(0)).expect("a count");
    assert_eq!(rows, 1_000_000);
    plans_neither_scan_nor_sort(&conn);
    let epoch =
        leader::take_over(&mut conn, "", Duration::from_secs(5)).expect("a leader").expect("free").epoch;

    let (loaded, load_time) = timed(|| load::load(&mut conn, epoch, 10_000).expect("a load"));
    assert_eq!(loaded.depth, [("scrape".into(), 1_000_000)]);
    assert!(load_time < Duration::from_secs(6), "a load took {load_time:?}");

    let want: Vec<RangeKey> = (0..100).map(range).collect();
    assert_eq!(loaded.ranges, want);

    // All jobs read on: from the first row, then from behind it.
    let mut after = vec![TaskId::NIL; 100];
    let mut refill = Duration::MAX;
    for _ in 0..3 {
        let ranges = (0..100).zip(&after);
        let ranges = ranges.map(|(n, &after)| RangeNeed { key: range(n), after, limit: 256 }).collect();
        let needs = Needs { ranges, ..Needs::default() };
        let (found, time) = timed(|| prefetch::prefetch(&mut conn, &needs).expect("a refill"));
        assert!(found.ranges.iter().all(|r| r.rows.len() == 256 && r.more));
        after = found.ranges.iter().map(|r| r.rows[255].body.id).collect();
        refill = refill.min(time);
    }
    assert!(refill < Duration::from_millis(1_000), "a refill of 100 jobs took {refill:?}");

    // Single windows where a lane was closed, to the end of their jobs.
    let small = (0..100).map(|n| window(n, "h0500", 10_001)).collect();
    let needs = Needs { windows: small, ..Needs::default() };
    let (found, small) = timed(|| prefetch::prefetch(&mut conn, &needs).expect("windows"));
    assert!(found.windows.iter().all(|w| i64::try_from(w.rows.len()) == Ok(SMALL) && w.rest.is_none()));
    assert!(small < Duration::from_secs(3), "100 small windows took {small:?}");
    // And a part of the way, as they are read.
    let part = (0..100).map(|n| window(n, "h0500", 600)).collect();
    let needs = Needs { windows: part, ..Needs::default() };
    let (found, part) = timed(|| prefetch::prefetch(&mut conn, &needs).expect("windows"));
    assert!(found.windows.iter().all(|w| w.rows.len() == 1 && w.rest > Some(w.rows[0].body.id)));
    assert!(part < small / 3, "a part of 100 windows took {part:?}, all of it {small:?}");
    let deep = (0..100).map(|n| window(n, "z", 10_001)).collect();
    let needs = Needs { windows: deep, ..Needs::default() };
    let (found, deep) = timed(|| prefetch::prefetch(&mut conn, &needs).expect("windows"));
    assert!(found.windows.iter().all(|w| w.rows.len() == 256 && w.rest.is_some()));
    assert!(deep < Duration::from_millis(1_500), "100 deep windows took {deep:?}");

    // A slice of a sweep and a look at what is ahead don't grow with the queue.
    let sweeps = vec![SweepNeed { job: job(99), after: None, ended_too: true, limit: 500 }];
    let (found, slice) =
        timed(|| prefetch::prefetch(&mut conn, &Needs { sweeps, ..Needs::default() }).expect("a slice"));
    assert_eq!(found.sweeps[0].1.len(), 500);
    assert!(slice < Duration::from_millis(500), "a slice took {slice:?}");
    let ahead = vec![after[99]];
    let (found, count) =
        timed(|| prefetch::prefetch(&mut conn, &Needs { ahead, ..Needs::default() }).expect("a count"));
    assert_eq!(found.ahead[&after[99]], 10_000);
    assert!(count < Duration::from_millis(500), "a count took {count:?}");
    println!(
        "load {load_time:?}, 100 jobs of 256 {refill:?}, of 9 in windows {small:?}, of a part {part:?}, of 256 in windows {deep:?}, slice of 500 {slice:?}, ahead {count:?}"
    );
}

fn range(n: u128) -> RangeKey {
    RangeKey { kind: "scrape".into(), priority: 50, job: job(n) }
}

fn window(n: u128, host: &str, looks: usize) -> WindowNeed {
    let lane = LaneKey { kind: "scrape".into(), host: host.into() };
    WindowNeed { key: WindowKey { lane, priority: 50, job: job(n) }, after: TaskId::NIL, limit: 256, looks }
}

fn job(n: u128) -> JobId {
    JobId(Uuid::from_u128(n + 1))
}

/// In the order of the key, each row behind the last: the rows of a job go round its hosts. Bodies are only there for
/// what is read: the first thousand rows of every job, its deep window and one small one.
fn fill(conn: &Connection) {
    conn.execute_batch(
        "PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY; PRAGMA cache_size = -200000; BEGIN;
         CREATE TEMP TABLE n (n INTEGER PRIMARY KEY);
         WITH RECURSIVE c (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < 999) INSERT INTO n SELECT n FROM c;
         CREATE TEMP TABLE j AS SELECT n, unhex(printf('%032x', n + 1)) AS job FROM n WHERE n < 100;
         CREATE TEMP TABLE h AS SELECT n, printf('h%04d', n) AS host FROM n;",
    )
    .expect("sources");
    // The id: a UUIDv7's head, the job's number, and the row's in it.
    let rows = "INSERT INTO task_ready SELECT 'scrape', 50, j.job,
         unhex(printf('018bcfe568007000%012x%04x', j.n, n.n * 1000 + h.n)), h.host, 0, 0, 0, 0, NULL
         FROM j CROSS JOIN n CROSS JOIN h WHERE n.n < ?1 AND j.n = ?2";
    let mut small = conn.prepare(rows).expect("a statement");
    let mut deep = conn
        .prepare(
            &rows
                .replace("n.n * 1000", "n.n")
                .replace("CROSS JOIN h ", "CROSS JOIN (SELECT 60000 AS n, 'z' AS host) h "),
        )
        .expect("a statement");
    for j in 0..100 {
        small.execute(params![SMALL, j]).expect("rows");
        deep.execute(params![DEEP, j]).expect("rows");
    }
    let body = |which: &str| {
        format!(
            "INSERT INTO task SELECT p.id, p.job, p.kind, p.host, 'https://' || p.host || '/page', 50, 3, NULL, NULL,
             1700000000000, 0, NULL FROM task_ready p WHERE {which}"
        )
    };
    // The last two bytes count the rows of a job: 1,000 is x'03e8'.
    conn.execute(&body("p.host IN ('z', 'h0500') OR substr(p.id, 15) < x'03e8'"), []).expect("bodies");
    conn.execute_batch("COMMIT").expect("a commit");
}

fn plans_neither_scan_nor_sort(conn: &Connection) {
    let statuses = |s: &[TaskStatus]| TaskFilter { status: s.to_vec(), ..TaskFilter::default() };
    let filters = [
        TaskFilter::default(),
        statuses(&[TaskStatus::Pending]),
        statuses(&[TaskStatus::Running]),
        statuses(&[TaskStatus::Done(DoneStatus::Completed)]),
        statuses(&[TaskStatus::Done(DoneStatus::Failed)]),
        statuses(&[TaskStatus::Done(DoneStatus::Failed), TaskStatus::Done(DoneStatus::Cancelled)]),
        statuses(&[TaskStatus::Pending, TaskStatus::Running]),
        TaskFilter { job: Some(job(1)), ..statuses(&[TaskStatus::Running]) },
    ];
    let lists = filters.iter().map(list::statement);
    let hot: Vec<&str> =
        commit::statements().into_iter().chain(prefetch::statements()).chain([load::RANGES]).collect();
    for sql in hot.iter().map(|&sql| sql.to_owned()).chain(lists) {
        let plan = plan(conn, &sql);
        assert!(plan.contains("SEARCH"), "{sql}\n{plan}");
        // The rows of a subquery with a limit are counted, not scanned for.
        let scans = plan.lines().any(|l| l.starts_with("SCAN ") && !l.starts_with("SCAN (subquery"));
        assert!(!scans && !plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
    }
    // A job's rows, and with them a window's, come in the order of ids from the primary key.
    for sql in hot.iter().filter(|sql| sql.contains("job = ?3") && sql.contains("p.id > ")) {
        let plan = plan(conn, sql);
        assert!(plan.contains("USING PRIMARY KEY"), "{sql}\n{plan}");
        assert!(plan.contains("job=? AND id>?"), "{sql}\n{plan}");
    }
    // A worker's list sorts the short tail that is in no list yet, and nothing else.
    let of_worker = TaskFilter { worker: Some(WorkerId(Uuid::from_u128(1))), ..TaskFilter::default() };
    let of_worker = plan(conn, &list::statement(&of_worker));
    assert!(of_worker.contains("SEARCH w USING PRIMARY KEY (worker=? AND task>?"), "{of_worker}");
    assert!(of_worker.contains("SEARCH r USING INTEGER PRIMARY KEY (rowid>?)"), "{of_worker}");
    // So does a job's log, and it sorts nothing: the tail lies behind the list.
    let of_job = plan(conn, event::OF_JOB);
    assert!(of_job.contains("SEARCH l USING PRIMARY KEY (job=? AND first>?)"), "{of_job}");
    assert!(of_job.contains("SEARCH t USING INTEGER PRIMARY KEY (rowid>?)"), "{of_job}");
    assert!(of_job.contains("MERGE (UNION ALL)") && !of_job.contains("TEMP B-TREE"), "{of_job}");
}

fn plan(conn: &Connection, sql: &str) -> String {
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a statement");
    // No parameter is bound: a plan doesn't depend on them.
    let mut rows = statement.raw_query();
    let mut plan = String::new();
    while let Some(row) = rows.next().expect("a plan") {
        plan += &(row.get::<_, String>(3).expect("a line") + "\n");
    }
    plan
}

/// With the time that this thread had a CPU.
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let on_cpu = || {
        let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("the kernel's word");
        Duration::from_nanos(stat.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number"))
    };
    let begin = on_cpu();
    (work(), on_cpu() - begin)
}
