//! At a million waiting tasks: no hot statement reads a table as a whole or sorts one, whatever the statistics say, and
//! what is timed is timed in CPU of the server, so that a busy machine doesn't fail it.

use super::address::{Address, Purpose};
use super::read::{event, list, task};
use super::session::Session;
use super::{Options, commit, leader, load, maintain, migrate, prefetch};
use crate::{TaskFilter, TaskStatus};
use std::time::Duration;
use ukai_domain::scheduler::{
    Commit, CommitId, Move, Needs, PlaceName, Prefetched, RangeKey, RangeNeed, SweepNeed, WindowKey,
    WindowNeed, WindowRows,
};
use ukai_domain::{
    DoneStatus, JobId, LaneKey, Lease, Place, SessionId, TaskId, Timestamp, Waiting, WorkerId,
};
use ukai_testkit::postgres::{Cluster, Disk};
use uuid::Uuid;

/// The first rows of every job, all on one host.
const DEEP: u64 = 1_000;

#[tokio::test]
async fn a_million_waiting_tasks() {
    let cluster = Cluster::start(Disk::Ignored).expect("a server");
    cluster.psql("postgres", "ALTER SYSTEM SET autovacuum = off").expect("a setting");
    cluster.psql("postgres", "SELECT pg_reload_conf()").expect("a setting");
    let url = cluster.url("postgres");
    migrate(&url, &Options::default()).await.expect("a schema");
    // What the planner knows is of the empty tables.
    cluster.psql("postgres", "ANALYZE").expect("statistics");
    let (first, first_reads) = (session(&url, Purpose::Lead).await, session(&url, Purpose::Read).await);
    plans(&first, &first_reads).await;
    fill(&cluster);
    let session = session(&url, Purpose::Lead).await;
    let reads = self::session(&url, Purpose::Read).await;
    plans(&session, &reads).await;
    cluster.psql("postgres", "ANALYZE").expect("statistics");
    let (session, reads) =
        (self::session(&url, Purpose::Lead).await, self::session(&url, Purpose::Read).await);
    plans(&session, &reads).await;
    times(&cluster, &session).await;
}

async fn session(url: &str, purpose: Purpose) -> Session {
    let address = Address::parse(url, &Options::default(), purpose, "plans").expect("an address");
    Session::open(&address).await.expect("a session")
}

async fn plans(session: &Session, reads: &Session) {
    let statuses = |s: &[TaskStatus]| TaskFilter { status: s.to_vec(), ..TaskFilter::default() };
    let failed = TaskStatus::Done(DoneStatus::Failed);
    let filters = [
        TaskFilter::default(),
        statuses(&[TaskStatus::Pending]),
        statuses(&[TaskStatus::Running]),
        statuses(&[TaskStatus::Done(DoneStatus::Completed)]),
        statuses(&[failed]),
        statuses(&[TaskStatus::Pending, TaskStatus::Running]),
        TaskFilter { job: Some(job(1)), ..TaskFilter::default() },
        TaskFilter { job: Some(job(1)), ..statuses(&[TaskStatus::Running]) },
    ];
    let mut seen = 0;
    for sql in commit::statements().into_iter().chain(prefetch::hot()).chain([load::RANGES]) {
        // A row at a time is sorted here: the runs of the tasks that were asked for. And what is new in the lists.
        let sorts = sql.starts_with("SELECT task, run, worker") || sql.starts_with("WITH listed");
        walks(&plan(session, sql).await, sql, sorts);
        seen += 1;
    }
    // With single values for all columns but one.
    for sql in commit::statements().into_iter().filter(|sql| sql.contains("q.id = n.id")) {
        let all = commit::columns(sql);
        for column in (0..32).map(|n| 1 << n).filter(|bit| all & bit != 0) {
            let sql = commit::with_alike(sql, all & !column);
            walks(&plan(session, &sql).await, &sql, false);
            seen += 1;
        }
    }
    for sql in filters.iter().map(list::statement) {
        // Where only one walk feeds the list, it has the order already.
        walks(&literal_plan(reads, &sql).await, &sql, false);
        seen += 1;
    }
    let two = statuses(&[failed, TaskStatus::Done(DoneStatus::Cancelled)]);
    let of_worker = TaskFilter { worker: Some(WorkerId(Uuid::from_u128(1))), ..TaskFilter::default() };
    for sql in [list::statement(&two), list::statement(&of_worker)] {
        // Two walks, each with its own end, are merged by a sort of two pages.
        walks(&literal_plan(reads, &sql).await, &sql, true);
        seen += 1;
    }
    for sql in maintain::statements() {
        walks(&plan(session, sql).await, sql, false);
        seen += 1;
    }
    for sql in event::statements().into_iter().chain([task::BARE, task::WITH_RESULT]) {
        walks(&plan(reads, sql).await, sql, false);
        seen += 1;
    }
    assert!(seen > 70, "{seen} statements");
}

fn walks(plan: &str, sql: &str, may_sort: bool) {
    assert!(plan.contains("Index"), "{sql}\n{plan}");
    // These rows are alone in their tables.
    let alone = ["leader", "event_job_through"].map(|table| format!("Seq Scan on {table}"));
    let scans = plan.lines().any(|l| l.contains("Seq Scan on ") && !alone.iter().any(|one| l.contains(one)));
    assert!(!scans, "{sql}\n{plan}");
    let joins = plan.contains("Hash Join") || plan.contains("Merge Join") || plan.contains("hashed SubPlan");
    assert!(!joins, "{sql}\n{plan}");
    assert!(may_sort || !plan.contains("Sort"), "{sql}\n{plan}");
    if sql.contains("q.id = n.id") {
        // A row that moves is found by its whole key.
        let whole = plan.lines().any(|l| l.contains("Index Cond") && l.contains("(id = n.id)"));
        assert!(whole, "{sql}\n{plan}");
    }
}

/// The plan that the server keeps for all parameters.
async fn plan(session: &Session, sql: &str) -> String {
    let params = (1..30).rev().find(|n| sql.contains(&format!("${n}"))).unwrap_or(0);
    let nulls = vec!["NULL"; params].join(", ");
    let nulls = if params == 0 { nulls } else { format!("({nulls})") };
    session
        .batch(&format!("SET plan_cache_mode = force_generic_plan; PREPARE asked AS {sql}"))
        .await
        .expect(sql);
    let plan = explain(session, &format!("EXECUTE asked{nulls}")).await;
    session.batch("DEALLOCATE asked").await.expect("the end");
    plan
}

async fn literal_plan(session: &Session, sql: &str) -> String {
    let ids = [Uuid::nil(), Uuid::max(), Uuid::from_u128(2), Uuid::from_u128(3)];
    let sql =
        (1..).zip(ids).fold(sql.to_owned(), |sql, (n, id)| sql.replace(&format!("${n}"), &format!("'{id}'")));
    explain(session, &sql).await
}

async fn explain(session: &Session, sql: &str) -> String {
    let rows = session.rows_of(&format!("EXPLAIN {sql}"), &[]).await.expect(sql);
    rows.iter().map(|row| row.get::<_, String>(0) + "\n").collect()
}

async fn times(cluster: &Cluster, session: &Session) {
    let lease = Duration::from_secs(60);
    let epoch = leader::take_over(session, "", "plans", lease, &std::sync::Mutex::default())
        .await
        .expect("a leader")
        .expect("free")
        .epoch;
    let begin = cpu(cluster);
    let loaded = load::load(session, epoch, 10_000, 60_000).await.expect("a load");
    let load = cpu(cluster) - begin;
    assert_eq!(loaded.depth, [("scrape".into(), 1_000_000)]);
    assert_eq!(loaded.ranges, (0..100).map(range).collect::<Vec<_>>());
    assert!(load < Duration::from_secs(3), "a load took {load:?}");

    let ranges = (0..100).map(|n| RangeNeed { key: range(n), after: TaskId::NIL, limit: 256 }).collect();
    let (refill, found) = timed(cluster, session, Needs { ranges, ..Needs::default() }).await;
    assert!(found.ranges.iter().all(|r| r.rows.len() == 256 && r.more));
    assert!(refill < Duration::from_secs(1), "a refill of 100 jobs took {refill:?}");

    let lane = |host: String| LaneKey { kind: "scrape".into(), host: host.into() };
    let key = |n, host| WindowKey { lane: lane(host), priority: 50, job: job(n) };
    let need = |key, after, looks| WindowNeed { key, after, limit: 256, looks };
    let windows = (0..100).map(|n| need(key(n, "z".into()), TaskId::NIL, 652)).collect();
    let (windows, all) = timed(cluster, session, Needs { windows, ..Needs::default() }).await;
    assert!(all.windows.iter().all(|w| w.rows.len() == 256 && w.rest == Some(w.rows[255].body.id)));
    assert!(windows < Duration::from_secs(1), "100 windows took {windows:?}");

    // Of hosts with nine rows among ten thousand: no reading goes through all of them.
    let mut sparse: Vec<_> = (0..100).map(|n| need(key(n, format!("h{n}")), TaskId::NIL, 652)).collect();
    let (mut longest, mut rows, mut readings) = (Duration::ZERO, 0, 0);
    while !sparse.is_empty() {
        let needs = Needs { windows: sparse, ..Needs::default() };
        let (time, found) = timed(cluster, session, needs).await;
        (longest, readings) = (longest.max(time), readings + 1);
        rows += found.windows.iter().map(|w| w.rows.len()).sum::<usize>();
        let rest = |w: WindowRows| w.rest.map(|rest| need(w.key, rest, 652));
        sparse = found.windows.into_iter().filter_map(rest).collect();
    }
    assert_eq!((rows, readings), (900, 10_000 / 652 + 1));
    assert!(longest < Duration::from_millis(250), "a part of 100 windows took {longest:?}");

    let sweeps = vec![SweepNeed { job: job(99), after: None, ended_too: true, limit: 500 }];
    let (slice, swept) = timed(cluster, session, Needs { sweeps, ..Needs::default() }).await;
    assert_eq!(swept.sweeps[0].1.len(), 500);
    assert!(slice < Duration::from_millis(500), "a slice took {slice:?}");

    let last = found.ranges[99].rows[255].body.id;
    let (count, counted) = timed(cluster, session, Needs { ahead: vec![last], ..Needs::default() }).await;
    assert_eq!(counted.ahead[&last], 10_000);
    assert!(count < Duration::from_millis(500), "a count took {count:?}");

    let begin = cpu(cluster);
    let rows: Vec<_> = found.ranges.into_iter().flat_map(|r| r.rows.into_iter().take(20)).collect();
    let commit = hand_out(epoch, &rows);
    commit::commit(session, &commit, 128).await.expect("a commit");
    let handed_out = cpu(cluster) - begin;
    assert!(handed_out < Duration::from_millis(500), "{} hand-outs took {handed_out:?}", rows.len());
    println!(
        "CPU of the server: load {load:?}, 100 jobs of 256 {refill:?}, 100 windows of 256 {windows:?}, part of 100 sparse ones {longest:?}, slice of 500 {slice:?}, ahead {count:?}, {} hand-outs {handed_out:?}",
        rows.len()
    );
}

async fn timed(cluster: &Cluster, session: &Session, needs: Needs) -> (Duration, Prefetched) {
    let begin = cpu(cluster);
    let found = prefetch::prefetch(session, &needs).await.expect("a prefetch");
    (cpu(cluster) - begin, found)
}

/// Of all processes of the server, in steps of 10 ms.
fn cpu(cluster: &Cluster) -> Duration {
    let of = |pid: u32| -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<&str> =
            stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
        [11, 12].iter().filter_map(|n| fields.get(*n)?.parse::<u64>().ok()).sum()
    };
    let ticks: u64 = cluster.processes().expect("processes").into_iter().map(of).sum();
    Duration::from_millis(ticks * 10)
}

fn hand_out(epoch: u64, rows: &[Waiting]) -> Commit {
    let now = Timestamp(1_800_000_000_000);
    let lease = |row: &Waiting| {
        Place::Leased(Lease {
            body: row.body.clone(),
            progress: row.progress,
            worker: WorkerId(Uuid::from_u128(7)),
            session: SessionId(Uuid::from_u128(8)),
            assigned_at: now,
            started_at: None,
            deadline: now,
        })
    };
    let moved = |row| Move { task: row_id(row), from: Some(PlaceName::Ready), to: Some(lease(row)) };
    let moves = rows.iter().map(moved).collect();
    Commit { id: CommitId { epoch, n: 1 }, now, moves, ..Commit::default() }
}

fn row_id(row: &Waiting) -> TaskId {
    row.body.id
}

fn range(n: u128) -> RangeKey {
    RangeKey { kind: "scrape".into(), priority: 50, job: job(n) }
}

fn job(n: u128) -> JobId {
    JobId(Uuid::from_u128(n + 1))
}

/// 100 jobs of 10,000 rows each: the first thousand on one host, the others on a thousand.
fn fill(cluster: &Cluster) {
    let id =
        "('018bcfe5-6800-7000-' || lpad(to_hex(32768 + j), 4, '0') || '-' || lpad(to_hex(n), 12, '0'))::uuid";
    let host = format!("CASE WHEN n < {DEEP} THEN 'z' ELSE 'h' || n % 1000 END");
    let job = "lpad(to_hex(j + 1), 32, '0')::uuid";
    let from = "FROM generate_series(0, 99) j, generate_series(0, 9999) n";
    let ready = format!(
        "INSERT INTO ukai.task_ready SELECT 'scrape', 50, {job}, {id}, {host}, 0, 0, 0, 0, NULL {from}"
    );
    // Bodies are only there for what is read.
    let bodies = format!(
        "INSERT INTO ukai.task SELECT {id}, {job}, 'scrape', {host}, 'https://host/page', 50, 3, NULL, NULL,
         1700000000000 {from} WHERE n < {DEEP} OR n % 1000 = j"
    );
    for sql in [ready, bodies] {
        cluster.psql("postgres", &sql).expect("rows");
    }
    let rows = cluster.psql("postgres", "SELECT count(*) FROM ukai.task_ready").expect("a count");
    assert_eq!(rows, "1000000");
}
