//! While somebody holds an old snapshot, what was taken out of an index stays in it: no slice of a sweep or of a crawl's
//! links may walk over what those before it took.

use super::{expansion, sweep};
use crate::postgres::Options;
use crate::postgres::address::{Address, Purpose};
use crate::postgres::migrate;
use crate::postgres::session::Session;
use ukai_domain::scheduler::{ExpansionNeed, SweepNeed, SweepPlace};
use ukai_domain::{JobId, Place, TaskId};
use ukai_testkit::postgres::{Cluster, Disk};
use uuid::Uuid;

/// Rows of each place.
const ROWS: usize = 10_000;
const SLICE: usize = 500;
const JOB: JobId = JobId(Uuid::from_u128(1));

#[tokio::test]
async fn slices_never_walk_over_those_before() {
    let cluster = Cluster::start(Disk::Ignored).expect("a server");
    let url = cluster.url("postgres");
    migrate(&url, &Options::default()).await.expect("a schema");
    fill(&cluster);
    let address = Address::parse(&url, &Options::default(), Purpose::Lead, "sweep").expect("an address");
    let session = Session::open(&address).await.expect("a session");
    let old = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ukai.task";
    let _old = cluster.open_transaction("postgres", old).expect("a snapshot");

    let mut after = None;
    let mut pages: [Vec<u64>; 3] = Default::default();
    loop {
        let need = SweepNeed { job: JOB, after: after.clone(), ended_too: true, limit: SLICE };
        let begins = need.begins();
        let places = sweep::next(&session, &need).await.expect("a slice");
        let Some(last) = places.last() else { break };
        assert_eq!(places.len(), SLICE);
        let (which, sql, behind, table) = match last {
            Place::Ready(_) => {
                let (kind, rank, id) = begins.0.expect("what is ready comes first");
                (0, sweep::READY, format!("'{kind}', {rank}, '{}'", id.0), "task_ready")
            }
            Place::Delayed(..) => (1, sweep::DELAYED, quoted(begins.1.expect("then this")), "task_delayed"),
            Place::Done(_) => (2, sweep::DONE, quoted(begins.2), "task"),
            Place::Leased(_) => panic!("a lease is not swept"),
        };
        let args = format!("'{}', {SLICE}, {behind}", JOB.0);
        pages[which].push(visited(&session, sql, &args, table).await);
        let last_id = last.body().id.0;
        for table in ["task_ready", "task_delayed", "task_done", "task"] {
            let swept = format!("DELETE FROM ukai.{table} WHERE id <= '{last_id}'");
            // The bodies go last, as in a purge.
            if table != "task" || which == 2 {
                cluster.psql("postgres", &swept).expect("a commit");
            }
        }
        after = SweepPlace::of(last);
    }
    let [ready, delayed, ended] = &pages;
    for slices in [ready, delayed, ended] {
        assert_eq!(slices.len(), ROWS / SLICE);
        assert!(slices[slices.len() - 1] <= slices[0] * 2, "pages that the slices visited: {slices:?}");
    }

    // All that the sweep took is still there to be walked over.
    let args = format!("'{}', {SLICE}, 'scrape', 50, {}", JOB.0, quoted(TaskId::NIL));
    let again = visited(&session, sweep::READY, &args, "task_ready").await;
    assert!(again > ready[0] * 5, "{again} pages from the first row on, {ready:?} behind the last");

    let (mut behind, mut pages) = (TaskId::NIL, Vec::new());
    loop {
        let need = ExpansionNeed { job: JOB, after: behind, links: SLICE };
        let found = expansion::next(&session, &need).await.expect("links");
        let Some(last) = found.last() else { break };
        let args = format!("'{}', {SLICE}, {}", JOB.0, quoted(behind));
        pages.push(visited(&session, expansion::NEXT, &args, "expansion").await);
        let taken = format!("DELETE FROM ukai.expansion WHERE task <= '{}'", last.task.0);
        cluster.psql("postgres", &taken).expect("a commit");
        behind = last.task;
    }
    assert_eq!(pages.len(), ROWS / SLICE);
    assert!(pages[pages.len() - 1] <= pages[0] * 2, "pages that readings of links visited: {pages:?}");
}

fn quoted(id: TaskId) -> String {
    format!("'{}'", id.0)
}

/// Pages of the table and its index that the walk of the job's rows visits.
async fn visited(session: &Session, sql: &str, args: &str, table: &str) -> u64 {
    session.batch(&format!("PREPARE asked AS {sql}")).await.expect(sql);
    let explain = format!("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) EXECUTE asked({args})");
    let rows = session.rows_of(&explain, &[]).await.expect(sql);
    session.batch("DEALLOCATE asked").await.expect("the end");
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let is_walk = |line: &String| {
        let words: Vec<&str> = line.split_whitespace().collect();
        words.windows(2).any(|pair| pair == ["on", table])
    };
    let pages = |from: usize| {
        let own = lines[from + 1..].iter().take_while(|line| !line.contains("->"));
        let line = own.into_iter().find(|line| line.contains("Buffers: "))?;
        let counts = line.split(['=', ' ']).filter_map(|word| word.parse::<u64>().ok());
        Some(counts.sum::<u64>())
    };
    let walks = (0..lines.len()).filter(|n| is_walk(&lines[*n]));
    walks.filter_map(pages).max().unwrap_or_else(|| panic!("no walk of {table}: {lines:#?}"))
}

/// A job's rows: ready, delayed, ended and with links, in the order of ids.
fn fill(cluster: &Cluster) {
    let id = "('018bcfe5-6800-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid";
    let job = JOB.0;
    let rows = |of: usize| format!("FROM generate_series({}, {}) n", of * ROWS, (of + 1) * ROWS - 1);
    for sql in [
        format!(
            "INSERT INTO ukai.task SELECT {id}, '{job}', 'scrape', 'h', 'https://host/page', 50, 3, NULL, NULL, 0
             FROM generate_series(0, {}) n",
            3 * ROWS - 1
        ),
        format!(
            "INSERT INTO ukai.task_ready SELECT 'scrape', 50, '{job}', {id}, 'h', 0, 0, 0, 0, NULL {}",
            rows(0)
        ),
        format!("INSERT INTO ukai.task_delayed SELECT {id}, n, '{job}', 0, 0, 0, 0, NULL {}", rows(1)),
        format!(
            "INSERT INTO ukai.task_done SELECT {id}, 1, 1, 0, 0, NULL, 'completed', n, NULL {}",
            rows(2)
        ),
        format!(
            "INSERT INTO ukai.expansion SELECT '{job}', {id}, 1, 50, 3, NULL, 1, NULL, '[\"https://a.example/\"]' {}",
            rows(0)
        ),
    ] {
        cluster.psql("postgres", &sql).expect("rows");
    }
}
