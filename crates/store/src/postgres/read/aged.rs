//! Lists of what is open where it is older than very much that has ended: none of them walks over that.

use super::list;
use crate::postgres::Options;
use crate::postgres::address::{Address, Purpose};
use crate::postgres::migrate;
use crate::postgres::session::Session;
use crate::{TaskFilter, TaskStatus};
use ukai_domain::JobId;
use ukai_testkit::postgres::{Cluster, Disk};
use uuid::Uuid;

/// The oldest tasks run.
const RUNNING: u128 = 30;
/// The next ones wait, of three jobs with four priorities, now and then for a time.
const WAITING: u128 = 25_000;
/// All the others have ended.
const ENDED: u128 = 100_000;
/// Pages that a list may visit: a walk over what has ended takes some for each task.
const MOST: u64 = 10_000;

#[tokio::test]
async fn what_is_open_is_found_behind_what_has_ended() {
    let cluster = Cluster::start(Disk::Ignored).expect("a server");
    let url = cluster.url("postgres");
    migrate(&url, &Options::default()).await.expect("a schema");
    fill(&cluster);
    let address = Address::parse(&url, &Options::default(), Purpose::Read, "lists").expect("an address");
    let session = Session::open(&address).await.expect("a session");
    let (running, waiting) = (0..RUNNING, RUNNING..RUNNING + WAITING);
    for (status, tasks) in [(TaskStatus::Running, running), (TaskStatus::Pending, waiting)] {
        for job in [None, Some(0), Some(2)] {
            let mut want: Vec<u128> = tasks.clone().filter(|n| job.is_none_or(|job| n % 3 == job)).collect();
            want.reverse();
            let filter = TaskFilter {
                status: vec![status],
                job: job.map(self::job),
                limit: 50,
                ..TaskFilter::default()
            };
            // The first page, and one behind a cursor.
            let page = list::page(&session, &filter).await.expect("a page");
            let found: Vec<Uuid> = page.items.iter().map(|row| row.body.id.0).collect();
            assert_eq!(found, want.iter().take(50).map(|n| id(*n)).collect::<Vec<_>>(), "{filter:?}");
            let total = u64::try_from(want.len()).expect("a small number");
            assert_eq!((page.total, page.total_is_estimate), (total.min(10_000), total > 10_000));
            let before = page.items.last().map(|row| row.body.id);
            let next = list::page(&session, &TaskFilter { before, ..filter.clone() }).await.expect("a page");
            let found: Vec<Uuid> = next.items.iter().map(|row| row.body.id.0).collect();
            assert_eq!(
                found,
                want.iter().skip(50).take(50).map(|n| id(*n)).collect::<Vec<_>>(),
                "{filter:?}"
            );
            for sql in list::statements(&session, &filter).await.expect("statements") {
                let (pages, plan) = visited(&session, &sql, job).await;
                assert!(pages < MOST, "{pages} pages: {sql}\n{plan}");
            }
        }
    }
}

fn job(n: u128) -> JobId {
    JobId(Uuid::from_u128(n + 1))
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(0x018b_cfe5_6800_7000_8000_0000_0000_0000 + n)
}

/// Pages of tables and indexes, with the plan.
async fn visited(session: &Session, sql: &str, of: Option<u128>) -> (u64, String) {
    let ids = [Uuid::nil(), Uuid::max(), job(of.unwrap_or_default()).0];
    let sql =
        (1..).zip(ids).fold(sql.to_owned(), |sql, (n, id)| sql.replace(&format!("${n}"), &format!("'{id}'")));
    let explain = format!("EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF) {sql}");
    let rows = session.rows_of(&explain, &[]).await.expect("a plan");
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let all = lines.iter().find(|line| line.contains("Buffers: ")).expect("the pages of the whole");
    (all.split(['=', ' ']).filter_map(|word| word.parse::<u64>().ok()).sum(), lines.join("\n"))
}

fn fill(cluster: &Cluster) {
    let id = "('018bcfe5-6800-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid";
    let job = "lpad(to_hex(n % 3 + 1), 32, '0')::uuid";
    let from = |first: u128, rows: u128| format!("FROM generate_series({first}, {}) n", first + rows - 1);
    let waits = from(RUNNING, WAITING);
    for sql in [
        "INSERT INTO ukai.job SELECT lpad(to_hex(n), 32, '0')::uuid, 'j', 'scrape', 'running', 1, false, false, 0
             FROM generate_series(1, 3) n"
            .to_owned(),
        format!(
            "INSERT INTO ukai.task SELECT {id}, {job}, 'scrape', 'h', 'https://host/page', 60 - n % 4, 3, NULL, NULL, 0 {}",
            from(0, RUNNING + WAITING + ENDED)
        ),
        format!(
            "INSERT INTO ukai.task_lease SELECT {id}, 1, 0, 0, 0, NULL, {id}, {id}, 0, 0, 0 {}",
            from(0, RUNNING)
        ),
        format!(
            "INSERT INTO ukai.task_ready SELECT 'scrape', 40 + n % 4, {job}, {id}, 'h', 0, 0, 0, 0, NULL {waits}
             WHERE n % 100 > 0"
        ),
        format!(
            "INSERT INTO ukai.task_delayed SELECT {id}, n, {job}, 0, 0, 0, 0, NULL {waits} WHERE n % 100 = 0"
        ),
        format!(
            "INSERT INTO ukai.task_done SELECT {id}, 1, 1, 0, 0, NULL, 'completed', n, NULL {}",
            from(RUNNING + WAITING, ENDED)
        ),
    ] {
        cluster.psql("postgres", &sql).expect("rows");
    }
}
