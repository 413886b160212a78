//! Crawls: links become tasks of the same job, each page once, within depth, scope and size, and nothing is lost.

use crate::kit::{Kit, task};
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use ukai_domain::scheduler::{Input, JobAction, JobRef, NewTask, PushMessage, Reply, Submit, Word};
use ukai_domain::{
    Code, CrawlProgress, CrawlRules, ErrorType, JobId, JobKind, JobStatus, LinksSkipped, ROBOTS_DISALLOWED,
    RunError, RunResult, Scope, SessionId, Settings, TaskId,
};

fn crawl(kit: &mut Kit, rules: CrawlRules) -> JobId {
    let input = Input::CreateJob {
        name: "crawl".to_owned(),
        kind: JobKind::Crawl,
        weight: 1,
        crawl: Some(rules),
        idempotency: None,
    };
    match kit.ask(input).unwrap() {
        Reply::Job(job, _) => job.id,
        other => panic!("{other:?}"),
    }
}

fn page(url: &str) -> NewTask {
    let host = url.split('/').nth(2).expect("a host").to_lowercase();
    NewTask { kind: Arc::from("crawl"), url: url.to_owned(), ..task(&host, 70) }
}

fn read(links: &[&str]) -> Word {
    said(json!({ "links": links }))
}

fn said(extra: serde_json::Value) -> Word {
    Word::Completed(RunResult { extra: Some(extra.to_string()), items: 1, ..RunResult::default() })
}

/// A worker that crawls.
fn crawler(kit: &mut Kit) -> SessionId {
    let worker = kit.worker();
    kit.open(worker, |connect| connect.capabilities = vec![Arc::from("crawl")]).0
}

fn progress(kit: &Kit, job: JobId) -> CrawlProgress {
    kit.job_row(job).crawl.as_ref().expect("a crawl").progress
}

fn skipped(kit: &Kit, job: JobId) -> LinksSkipped {
    progress(kit, job).skipped
}

/// The page that is with the worker.
fn leased(kit: &Kit) -> (TaskId, u32, String) {
    let (task, run, _) = kit.last_handed_out();
    (task, run.0, kit.lease(task).body.url.clone())
}

/// Every page is read, with the links that it has there; the addresses in the order of their reading.
fn walk(kit: &mut Kit, session: SessionId, job: JobId, links: impl Fn(&str) -> Vec<String>) -> Vec<String> {
    let mut read = Vec::new();
    while !kit.job_status(job).is_terminal() {
        let (task, run, url) = leased(kit);
        let word = said(json!({ "links": links(&url) }));
        kit.report(session, task, Some(ukai_domain::Run(run)), word);
        read.push(url);
        assert!(read.len() < 1_000, "it never ends");
    }
    read
}

fn urls(kit: &Kit) -> Vec<String> {
    kit.store.places.values().map(|place| place.body().url.clone()).collect()
}

#[test]
fn links_become_tasks_of_the_job_with_what_the_page_was_submitted_with() {
    let mut kit = Kit::new();
    let session = crawler(&mut kit);
    let job = crawl(&mut kit, CrawlRules::default());
    let mut start = page("https://a.example/");
    (start.max_attempts, start.timeout_ms, start.options) =
        (2, Some(9_000), Some(r#"{"html":true}"#.to_owned()));
    let first = kit.submit(job, vec![start])[0];
    assert_eq!(progress(&kit, job).pages, 1);
    kit.report(session, first, None, read(&["https://a.example/1#x", "https://a.example/2?utm_source=y"]));
    assert_eq!(kit.job_status(job), JobStatus::Running);
    assert_eq!(progress(&kit, job), CrawlProgress { pages: 3, ..CrawlProgress::default() });
    let bodies: Vec<_> =
        kit.store.places.values().map(|p| p.body().clone()).filter(|b| b.id != first).collect();
    assert_eq!(bodies.len(), 2);
    for body in &bodies {
        assert_eq!((body.job, &*body.lane.kind, &*body.lane.host), (job, "crawl", "a.example"));
        assert_eq!((body.priority, body.max_attempts, body.timeout_ms, body.depth), (70, 2, Some(9_000), 1));
        assert_eq!(body.options.as_deref(), Some(r#"{"html":true}"#));
    }
    // Fetched as they stand, without the fragment.
    assert_eq!(bodies[1].url, "https://a.example/2?utm_source=y");
    let created = kit.events().iter().filter(|e| matches!(e, ukai_domain::Event::TaskCreated { .. })).count();
    assert_eq!(created, 3);
    assert_eq!(kit.counts(job).submitted, 3);
}

#[test]
fn every_page_is_read_once_and_the_job_ends_when_all_are() {
    let mut kit = Kit::new();
    let session = crawler(&mut kit);
    let job = crawl(&mut kit, CrawlRules { max_depth: 9, ..CrawlRules::default() });
    kit.submit(job, vec![page("https://a.example/0")]);
    let links = |url: &str| {
        let n: u32 = url.rsplit('/').next().unwrap().parse().unwrap();
        vec![
            format!("https://a.example/{}", (n * 2 + 1) % 13),
            format!("https://A.example:443/{}", (n + 5) % 13),
        ]
    };
    let read = walk(&mut kit, session, job, links);
    assert_eq!(read.iter().collect::<BTreeSet<_>>().len(), read.len());
    assert_eq!((read.len(), kit.job_status(job)), (13, JobStatus::Completed));
    assert_eq!(skipped(&kit, job), LinksSkipped { duplicate: 13 * 2 - 12, ..LinksSkipped::default() });
    kit.take_over();
}

#[test]
fn depth_scope_patterns_and_size_are_limits_and_what_they_cost_is_counted() {
    let mut kit = Kit::new();
    let session = crawler(&mut kit);
    let rules = CrawlRules {
        max_depth: 1,
        max_pages: 3,
        exclude: vec!["*/cart*".to_owned()],
        ..CrawlRules::default()
    };
    let job = crawl(&mut kit, rules);
    let first = kit.submit(job, vec![page("https://a.example/")])[0];
    let links = json!({
        "links": [
            "https://a.example/", "https://a.example/1", "https://a.example/1#again", "https://a.example/2",
            "https://a.example/3", "https://b.example/", "https://a.example/cart?add=1", "mailto:x@a.example", 7,
            format!("https://a.example/{}", "x".repeat(3_000)),
        ],
        "linksSkipped": { "robots": 4, "nofollow": 5, "cut": 6 },
    });
    kit.report(session, first, None, said(links));
    let want = LinksSkipped {
        scope: 1,
        pattern: 1,
        limit: 1,
        duplicate: 2,
        invalid: 3,
        robots: 4,
        nofollow: 5,
        cut: 6,
        ..LinksSkipped::default()
    };
    assert_eq!(skipped(&kit, job), want);
    let (task, run, url) = leased(&kit);
    assert_eq!(url, "https://a.example/1");
    kit.report(
        session,
        task,
        Some(ukai_domain::Run(run)),
        read(&["https://a.example/4", "https://a.example/5"]),
    );
    assert_eq!(skipped(&kit, job), LinksSkipped { depth: 2, ..want });
    assert_eq!(progress(&kit, job).pages, 3);
}

#[test]
fn a_page_with_too_many_links_is_cut_and_a_step_takes_a_bounded_number() {
    let mut kit = Kit::with(Settings { expansion_links: 2_000, ..Settings::default() });
    let workers: Vec<_> = (0..3).map(|_| crawler(&mut kit)).collect();
    let job = crawl(&mut kit, CrawlRules { max_pages: 100_000, ..CrawlRules::default() });
    let starts = ["https://a.example/a", "https://a.example/b", "https://a.example/c"];
    let tasks = kit.submit(job, starts.map(page).to_vec());
    for ((task, start), n) in tasks.iter().zip(starts).zip(0_u64..) {
        let links: Vec<String> = (0..1_200).map(|n| format!("{start}/{n}")).collect();
        let session = kit.lease(*task).session;
        assert!(workers.contains(&session));
        let report = ukai_domain::scheduler::Report {
            session,
            task: *task,
            run: None,
            word: said(json!({ "links": links })),
        };
        // The first page's links are kept with its completion and nothing else happens to them in that step.
        kit.control(job, JobAction::Pause).ok();
        kit.step_once(vec![(0, Input::Report(report))]);
        assert_eq!(progress(&kit, job).pending_links, 1_000 * (n + 1));
    }
    assert_eq!((kit.job_status(job), skipped(&kit, job).cut), (JobStatus::Paused, 600));
    let resume = Input::ControlJob { job, action: JobAction::Resume, idempotency: None };
    kit.step_once(vec![(0, resume)]);
    kit.step_once(Vec::new());
    assert_eq!((progress(&kit, job).pages, progress(&kit, job).pending_links), (2_003, 1_000));
    kit.step_once(Vec::new());
    assert_eq!((progress(&kit, job).pages, progress(&kit, job).open_expansions), (3_003, 0));
}

#[test]
fn a_paused_crawl_keeps_its_links_and_does_not_end() {
    let mut kit = Kit::new();
    let session = crawler(&mut kit);
    let job = crawl(&mut kit, CrawlRules::default());
    let first = kit.submit(job, vec![page("https://a.example/")])[0];
    kit.control(job, JobAction::Pause).unwrap();
    kit.report(session, first, None, read(&["https://a.example/1"]));
    assert_eq!((kit.job_status(job), kit.counts(job).open()), (JobStatus::Paused, 0));
    kit.take_over();
    assert!(!kit.state.has_background_work());
    assert_eq!(progress(&kit, job).pending_links, 1);
    kit.control(job, JobAction::Resume).unwrap();
    assert_eq!((progress(&kit, job).pages, kit.counts(job).open()), (2, 1));
}

#[test]
fn links_are_expanded_by_the_leader_that_comes_after() {
    let mut kit = Kit::new();
    let session = crawler(&mut kit);
    let job = crawl(&mut kit, CrawlRules::default());
    let first = kit.submit(job, vec![page("https://a.example/")])[0];
    let report = ukai_domain::scheduler::Report {
        session,
        task: first,
        run: None,
        word: read(&["https://a.example/1", "https://a.example/2"]),
    };
    kit.step_once(vec![(0, Input::Report(report))]);
    assert_eq!((kit.job_status(job), progress(&kit, job).open_expansions), (JobStatus::Running, 1));
    kit.take_over();
    assert!(kit.state.has_background_work());
    kit.step(Vec::new());
    assert_eq!(urls(&kit).len(), 3);
    assert_eq!(progress(&kit, job), CrawlProgress { pages: 3, ..CrawlProgress::default() });
}

#[test]
fn a_cancelled_or_deleted_crawl_drops_its_links_visibly() {
    for action in [JobAction::Cancel, JobAction::Delete] {
        for in_one_step in [false, true] {
            let mut kit = Kit::new();
            let session = crawler(&mut kit);
            let job = crawl(&mut kit, CrawlRules::default());
            let first = kit.submit(job, vec![page("https://a.example/"), page("https://a.example/0")])[0];
            kit.control(job, JobAction::Pause).unwrap();
            let links = read(&["https://a.example/1", "https://a.example/2"]);
            let report = Input::Report(ukai_domain::scheduler::Report {
                session,
                task: first,
                run: None,
                word: links,
            });
            let end = Input::ControlJob { job, action, idempotency: None };
            if in_one_step {
                kit.step(vec![report, end]);
            } else {
                kit.step(vec![report]);
                kit.step(vec![end]);
            }
            assert!(kit.store.expansions.is_empty());
            if action == JobAction::Cancel {
                assert_eq!((kit.job_status(job), skipped(&kit, job).cancelled), (JobStatus::Cancelled, 2));
                assert_eq!(kit.counts(job).submitted, 0, "an ended job is not in memory");
            } else {
                assert!(!kit.store.jobs.contains_key(&job) && kit.store.urls.is_empty());
            }
            kit.check();
        }
    }
}

#[test]
fn start_pages_are_pages_of_the_crawl_and_none_comes_twice() {
    let mut kit = Kit::new();
    let job = crawl(&mut kit, CrawlRules { max_pages: 3, ..CrawlRules::default() });
    let submit = |tasks: Vec<NewTask>, job: JobRef| {
        Input::Submit(Submit { job, tasks, idempotency: None, trace: None })
    };
    let existing = || JobRef::Existing(job);
    kit.submit(job, vec![page("https://a.example/1")]);
    for (tasks, want) in [
        (vec![page("https://A.example/1?utm_source=x")], Code::Conflict),
        (vec![page("https://a.example/2"), page("https://a.example/2#b")], Code::Conflict),
        (["2", "3", "4"].map(|n| page(&format!("https://a.example/{n}"))).to_vec(), Code::Conflict),
        (
            vec![NewTask { url: "ftp://a.example/".to_owned(), ..page("https://a.example/9") }],
            Code::InvalidPayload,
        ),
        (
            vec![NewTask { options: Some("x".repeat(9_000)), ..page("https://a.example/9") }],
            Code::InvalidPayload,
        ),
    ] {
        let before = kit.store.places.len();
        assert_eq!(kit.code(submit(tasks, existing())), Some(want));
        assert_eq!((kit.store.places.len(), kit.store.urls.len()), (before, 1));
    }
    assert_eq!(kit.code(submit(vec![page("https://a.example/2")], existing())), None);
    // Outside of a crawl there is nothing to follow for.
    let plain = kit.job(1);
    let implicit = JobRef::Implicit { id: JobId(uuid::Uuid::from_u128(7)), name: "loose".to_owned() };
    let new = |crawl| JobRef::New { name: "n".to_owned(), kind: JobKind::Scrape, weight: 1, crawl };
    for job in [JobRef::Existing(plain), implicit, new(None), new(Some(CrawlRules::default()))] {
        assert_eq!(kit.code(submit(vec![page("https://a.example/")], job)), Some(Code::InvalidPayload));
    }
    // A crawl also takes tasks that follow nothing.
    assert_eq!(kit.code(submit(vec![task("a.example", 50)], existing())), None);
    let unknown = JobRef::Existing(JobId(uuid::Uuid::from_u128(9)));
    assert_eq!(kit.code(submit(vec![page("https://a.example/")], unknown)), Some(Code::JobNotFound));
}

#[test]
fn a_failed_page_brings_no_links_and_its_retry_does() {
    let mut kit = Kit::new();
    let session = crawler(&mut kit);
    let job = crawl(&mut kit, CrawlRules::default());
    let mut start = page("https://a.example/");
    start.max_attempts = 1;
    let first = kit.submit(job, vec![start])[0];
    kit.fail(session, first, 1, ErrorType::Network);
    assert_eq!(kit.job_status(job), JobStatus::Failed);
    kit.ask(Input::RetryTask { task: first, idempotency: None }).unwrap();
    let links = read(&["https://a.example/1"]);
    assert_eq!(kit.report(session, first, None, links.clone()), Reply::Accepted { duplicate: false });
    assert_eq!((urls(&kit).len(), kit.job_status(job)), (2, JobStatus::Running));
    // The same result again brings no second page.
    assert_eq!(
        kit.report(session, first, Some(ukai_domain::Run(2)), links),
        Reply::Accepted { duplicate: true }
    );
    assert_eq!(urls(&kit).len(), 2);
}

#[test]
fn a_start_page_is_where_it_leads_to() {
    let mut kit = Kit::new();
    let session = crawler(&mut kit);
    let job = crawl(&mut kit, CrawlRules::default());
    let first = kit.submit(job, vec![page("http://a.example/")])[0];
    let links = ["https://www.a.example/1", "https://a.example/2", "https://b.example/"];
    kit.report(
        session,
        first,
        None,
        said(json!({ "links": links, "finalUrl": "https://www.a.example/home" })),
    );
    assert_eq!((urls(&kit).len(), skipped(&kit, job).scope), (3, 1));
    // A deeper page that leads elsewhere doesn't take the crawl along.
    let (task, run, _) = leased(&kit);
    let strayed = said(json!({ "links": ["https://b.example/1"], "finalUrl": "https://b.example/" }));
    kit.report(session, task, Some(ukai_domain::Run(run)), strayed);
    assert_eq!((urls(&kit).len(), skipped(&kit, job).scope), (3, 2));
}

#[test]
fn workers_are_told_the_rules_of_the_crawl() {
    let mut kit = Kit::new();
    crawler(&mut kit);
    let rules = CrawlRules { scope: Scope::Any, respect_robots: false, ..CrawlRules::default() };
    let job = crawl(&mut kit, rules.clone());
    kit.submit(job, vec![page("https://a.example/"), task("a.example", 50)]);
    let told = kit.pushes.iter().find_map(|push| match &push.message {
        PushMessage::Assigned { crawl, .. } => Some(crawl.as_deref().cloned()),
        _ => None,
    });
    assert_eq!(told, Some(Some(rules)));
}

#[test]
fn a_page_that_robots_may_not_fetch_fails_at_once() {
    let mut kit = Kit::new();
    let session = crawler(&mut kit);
    let job = crawl(&mut kit, CrawlRules::default());
    let first = kit.submit(job, vec![page("https://a.example/")])[0];
    let error = RunError {
        kind: ErrorType::Blocked,
        message: "robots.txt forbids this page".to_owned(),
        details: Some(ROBOTS_DISALLOWED.to_owned()),
    };
    kit.report(session, first, None, Word::Failed { error: error.clone(), metrics: None });
    assert_eq!((kit.place_word(first), kit.done(first).error), ("failed", Some(error)));
    // Its worker may visit the host's other pages at once.
    let second = kit.submit(job, vec![page("https://a.example/1")])[0];
    assert_eq!(kit.place_word(second), "leased");
}
