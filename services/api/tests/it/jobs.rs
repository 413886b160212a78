//! Jobs and the event log.

use crate::kit::TestApp;
use serde_json::{Value, json};
use ukai_domain::{Event, JobId, JobKind, WorkerId};
use ukai_store::TaskStatus;

#[tokio::test]
async fn a_job_is_made_listed_shown_controlled_and_deleted() {
    let app = TestApp::open();
    let job = app.post("/api/jobs", &json!({ "name": "spring", "weight": 3 })).await.expect(201);
    insta::assert_json_snapshot!(job);
    let path = format!("/api/jobs/{}", job["id"].as_str().expect("id"));
    assert_eq!(app.get(&path).await.expect(200), job);
    let list = app.get("/api/jobs?limit=1").await.expect(200);
    assert_eq!(list, json!({ "items": [job], "page": 1, "limit": 1, "total": 1 }));
    for (action, status) in [("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")] {
        let body = app.post(&format!("{path}/{action}"), &json!({})).await.expect(200);
        assert_eq!(body["status"], status);
    }
    app.post(&format!("{path}/pause"), &json!({})).await.expect_error(409, "CONFLICT");
    assert_eq!(app.delete(&path).await.expect(204), Value::Null);
    app.get(&path).await.expect_error(404, "JOB_NOT_FOUND");
    app.delete(&path).await.expect_error(404, "JOB_NOT_FOUND");
}

#[tokio::test]
async fn a_job_that_is_being_deleted_is_gone() {
    let app = TestApp::open();
    let (gone, kept) = {
        let mut world = app.world();
        let gone = world.add_job("gone", JobKind::Scrape, 1);
        world.jobs.get_mut(&gone).expect("a job").0.deleting = true;
        (gone, world.add_job("kept", JobKind::Scrape, 1))
    };
    app.get(&format!("/api/jobs/{gone}")).await.expect_error(404, "JOB_NOT_FOUND");
    app.get(&format!("/api/jobs/{gone}/events")).await.expect_error(404, "JOB_NOT_FOUND");
    app.get(&format!("/api/tasks?jobId={gone}")).await.expect_error(404, "JOB_NOT_FOUND");
    let list = app.get("/api/jobs").await.expect(200);
    assert_eq!((&list["total"], &list["items"][0]["id"]), (&json!(1), &json!(kept)));
}

#[tokio::test]
async fn events_are_read_in_order_and_in_part() {
    let app = TestApp::open();
    let job = {
        let mut world = app.world();
        let job = world.add_job("j", JobKind::Scrape, 1);
        let task = world.add_task(job, "https://shop.example/", TaskStatus::Pending);
        let worker = WorkerId(world.id());
        world.event(JobId::NIL, Event::WorkerConnected { worker });
        let (run, retry_at) = (ukai_domain::Run(1), Some(crate::fake::NOW));
        let outcome = ukai_domain::Outcome::TimedOut;
        world.event(job, Event::TaskRetried { task, run, worker, outcome, error: None, retry_at });
        job
    };
    let all = app.get("/api/events").await.expect(200);
    insta::assert_json_snapshot!(all);
    let of_job = app.get(&format!("/api/jobs/{job}/events")).await.expect(200);
    assert_eq!(of_job["items"].as_array().expect("items").len(), 3);
    let part = app.get("/api/events?since=1&limit=2").await.expect(200);
    assert_eq!(
        (&part["items"][0]["seq"], &part["nextSince"], &part["lastSeq"]),
        (&json!(2), &json!(3), &json!(4))
    );
    let none = app.get("/api/events?since=4").await.expect(200);
    assert_eq!((&none["items"], &none["nextSince"]), (&json!([]), &json!(4)));
}

#[tokio::test]
async fn who_has_read_up_to_what_was_forgotten_is_told_so() {
    let app = TestApp::open();
    let job = {
        let mut world = app.world();
        let job = world.add_job("j", JobKind::Scrape, 1);
        (0..5).for_each(|_| world.event(job, Event::JobDeleted));
        // Numbers 1 to 4 are gone.
        world.events.drain(..4);
        job
    };
    for path in ["/api/events".to_owned(), format!("/api/jobs/{job}/events")] {
        let all = app.get(&path).await.expect(200);
        assert_eq!((&all["items"][0]["seq"], &all["oldestSeq"]), (&json!(5), &json!(5)), "{path}");
        assert_eq!(app.get(&format!("{path}?since=4")).await.expect(200)["items"], all["items"]);
        let missed = app.get(&format!("{path}?since=3")).await.expect_error(400, "INVALID_PAYLOAD");
        assert_eq!(missed["details"][0]["field"], "since", "{missed}");
        assert!(
            missed["details"][0]["message"].as_str().is_some_and(|text| text.contains("at least 4")),
            "{missed}"
        );
    }
}

#[tokio::test]
async fn who_follows_a_quiet_job_reads_on_from_the_logs_end() {
    let app = TestApp::open();
    let (quiet, busy) = {
        let mut world = app.world();
        let jobs = (world.add_job("quiet", JobKind::Scrape, 1), world.add_job("busy", JobKind::Scrape, 1));
        world.events.clear();
        world.event(jobs.0, Event::JobDeleted);
        (0..5).for_each(|_| world.event(jobs.1, Event::JobDeleted));
        jobs
    };
    let path = format!("/api/jobs/{quiet}/events");
    let first = app.get(&path).await.expect(200);
    assert_eq!((first["items"].as_array().map(Vec::len), &first["nextSince"]), (Some(1), &json!(6)));
    let none = app.get(&format!("{path}?since=1")).await.expect(200);
    assert_eq!((&none["items"], &none["nextSince"]), (&json!([]), &json!(6)));
    // By the time that it asks again, others' events were forgotten.
    app.world().event(busy, Event::JobDeleted);
    app.world().events.drain(..6);
    app.get(&format!("{path}?since=6")).await.expect(200);
    app.get(&format!("{path}?since=5")).await.expect_error(400, "INVALID_PAYLOAD");
}

#[tokio::test]
async fn a_row_of_many_events_is_cut_at_the_limit() {
    let app = TestApp::open();
    {
        let mut world = app.world();
        let job = JobId(world.id());
        let events = (0..50).map(|_| Event::JobDeleted).collect();
        world.events.push(ukai_domain::EventRow { first: 1, job, at: crate::fake::NOW, events });
    }
    let mut since = 0;
    for round in 1..=5 {
        let part = app.get(&format!("/api/events?since={since}&limit=10")).await.expect(200);
        since = part["nextSince"].as_u64().expect("a number");
        assert_eq!(since, round * 10);
    }
}

#[tokio::test]
async fn a_crawl_shows_its_rules_and_how_far_it_is() {
    let app = TestApp::open();
    let crawl =
        json!({ "maxDepth": 3, "scope": "same-path-prefix", "prefix": "/shop", "include": ["/shop/p/*"] });
    let job =
        app.post("/api/jobs", &json!({ "name": "walk", "kind": "crawl", "crawl": crawl })).await.expect(201);
    insta::assert_json_snapshot!(job["crawl"]);
    assert_eq!(job["kind"], "crawl");
    let id = JobId::parse(job["id"].as_str().expect("id")).expect("an id");
    let progress =
        ukai_domain::CrawlProgress { pages: 7, open_expansions: 2, pending_links: 31, ..Default::default() };
    app.world().jobs.get_mut(&id).expect("a job").0.crawl.as_mut().expect("a crawl").progress = progress;
    let job = app.get(&format!("/api/jobs/{id}")).await.expect(200);
    let crawl = &job["crawl"];
    assert_eq!(
        (&crawl["pagesFound"], &crawl["openExpansions"], &crawl["linksPending"]),
        (&json!(7), &json!(2), &json!(31))
    );
    let plain = app.post("/api/jobs", &json!({ "name": "plain" })).await.expect(201);
    assert_eq!(plain["crawl"], Value::Null);
}

#[tokio::test]
async fn a_page_of_the_kind_crawl_starts_a_crawl_of_its_own() {
    let app = TestApp::open();
    let crawl = json!({ "maxPages": 20, "scope": "same-path-prefix" });
    let body =
        json!({ "productUrl": "https://shop.example/list/all?page=1", "kind": "crawl", "crawl": crawl });
    let task = app.post("/api/tasks", &body).await.expect(201);
    assert_eq!(task["kind"], "crawl");
    let job = app.get(&format!("/api/jobs/{}", task["jobId"].as_str().expect("id"))).await.expect(200);
    assert_eq!((&job["kind"], &job["name"]), (&json!("crawl"), &json!("crawl of shop.example")));
    assert_eq!((&job["crawl"]["maxPages"], &job["crawl"]["prefix"]), (&json!(20), &json!("/list/")));
    let body = json!({ "productUrls": ["https://a.example/", "https://b.example/"], "kind": "crawl", "name": "two" });
    let batch = app.post("/api/tasks/batch", &body).await.expect(201);
    let job = app.get(&format!("/api/jobs/{}", batch["jobId"].as_str().expect("id"))).await.expect(200);
    assert_eq!(
        (&job["kind"], &job["name"], &job["crawl"]["maxDepth"]),
        (&json!("crawl"), &json!("two"), &json!(2))
    );
    // More start pages of a crawl that is there; its rules stand.
    let path = job["id"].as_str().expect("id");
    let more = json!({ "productUrl": "https://c.example/", "kind": "crawl", "jobId": path });
    assert_eq!(app.post("/api/tasks", &more).await.expect(201)["jobId"], path);
    let mut both = more;
    both["crawl"] = json!({});
    let error = app.post("/api/tasks", &both).await.expect_error(400, "INVALID_PAYLOAD");
    assert_eq!(error["details"][0]["field"], "crawl");
}
