//! Tasks: submitted, listed, shown, cancelled, retried, explained.

use crate::fake::{NOW, captcha};
use crate::kit::TestApp;
use serde_json::{Value, json};
use ukai_domain::{DoneStatus, JobKind, Outcome, Progress, Run, RunResult, RunRow, Timestamp, WorkerId};
use ukai_store::TaskStatus;

const URL: &str = "https://shop.example/p/1";

#[tokio::test]
async fn a_task_is_accepted_with_defaults_into_the_implicit_job() {
    let app = TestApp::open();
    let task = app
        .post("/api/tasks", &json!({ "productUrl": URL, "unknown": 1, "priority": null }))
        .await
        .expect(201);
    insta::assert_json_snapshot!(task, { ".id" => "[id]", ".jobId" => "[job]" });
    let world = app.world();
    let (job, counts) = world.jobs.values().next().expect("the implicit job");
    assert_eq!((job.name.as_str(), job.implicit, counts.ready), ("default (local)", true, 1));
    assert_eq!(job.id, ukai_api::implicit_job(uuid::Uuid::nil()));
    assert_eq!(task["jobId"], job.id.to_string());
}

#[tokio::test]
async fn every_option_reaches_the_scheduler() {
    let app = TestApp::open();
    let job = app.world().add_job("j", JobKind::Scrape, 1);
    let body = json!({
        "productUrl": "https://Shop.Example:8443/p?a=b", "priority": 100, "kind": "scrape", "maxAttempts": 1,
        "notBefore": "2027-01-01T00:00:00+01:00", "jobId": job,
        "options": { "screenshot": { "fullPage": true, "format": "webp", "x": 1 }, "html": false, "recipe": "amazon", "timeoutMs": 1000, "other": 1 },
    });
    let task = app.post("/api/tasks", &body).await.expect(201);
    assert_eq!(task["productUrl"], "https://Shop.Example:8443/p?a=b");
    assert_eq!(task["notBefore"], "2026-12-31T23:00:00.000Z");
    assert_eq!(task["jobId"], job.to_string());
    let submission = app.world().last_submission.clone().expect("a submission");
    let sent = &submission.tasks[0];
    assert_eq!((sent.host.as_str(), sent.priority, sent.max_attempts), ("shop.example", 100, 1));
    assert_eq!(sent.timeout_ms, Some(1000));
    let options: Value = serde_json::from_str(sent.options.as_deref().expect("options")).expect("JSON");
    assert_eq!(
        options,
        json!({ "screenshot": { "fullPage": true, "format": "webp" }, "html": false, "recipe": "amazon" })
    );
}

#[tokio::test]
async fn a_batch_makes_a_job_or_joins_one() {
    let app = TestApp::open();
    let body = json!({ "tasks": [{ "productUrl": URL, "priority": 1 }, { "productUrl": URL }] });
    let batch = app.post("/api/tasks/batch", &body).await.expect(201);
    assert_eq!((&batch["total"], &batch["items"][0]["priority"]), (&json!(2), &json!(1)));
    let job = app.get(&format!("/api/jobs/{}", batch["jobId"].as_str().expect("id"))).await.expect(200);
    assert_eq!((&job["name"], &job["counts"]["submitted"]), (&json!("batch of 2"), &json!(2)));

    let body = json!({ "productUrls": [URL, URL, URL], "priority": 7, "jobId": batch["jobId"] });
    let more = app.post("/api/tasks/batch", &body).await.expect(201);
    assert_eq!(more["jobId"], batch["jobId"]);
    assert!(more["items"].as_array().expect("items").iter().all(|task| task["priority"] == 7));

    let named = json!({ "productUrls": [URL], "name": "spring" });
    let named = app.post("/api/tasks/batch", &named).await.expect(201);
    let job = app.get(&format!("/api/jobs/{}", named["jobId"].as_str().expect("id"))).await.expect(200);
    assert_eq!(job["name"], "spring");
}

#[tokio::test]
async fn ten_thousand_tasks_fit_one_batch() {
    let app = TestApp::open();
    let urls: Vec<String> = (0..10_000).map(|n| format!("https://shop.example/{n}")).collect();
    let body = json!({ "productUrls": urls });
    let request = crate::kit::with_json(crate::kit::request("POST", "/api/tasks/batch"), &body);
    let batch = app.send(request).await.expect(201);
    assert_eq!(batch["total"], 10_000);
    assert_eq!(batch["items"][9_999]["productUrl"], "https://shop.example/9999");
}

#[tokio::test]
async fn a_completed_task_shows_its_result_and_runs() {
    let app = TestApp::open();
    let job = app.world().add_job("j", JobKind::Scrape, 1);
    let id = {
        let mut world = app.world();
        let id = world.add_task(job, URL, TaskStatus::Done(DoneStatus::Completed));
        let row = world.tasks.get_mut(&id).expect("a task");
        let worker = WorkerId(uuid::Uuid::from_u128(9));
        row.worker = Some(worker);
        row.progress = Progress { run: Run(2), attempts: 1, ..Progress::default() };
        row.result = Some(RunResult {
            result: r#"{"productTitle":"Tea","price":1.50}"#.to_owned(),
            metrics: Some(r#"{"scrapeDurationMs":5}"#.to_owned()),
            extra: Some(r#"{"verdict":"ok"}"#.to_owned()),
            items: 1,
        });
        let run = |n: u32, outcome, error| RunRow {
            task: id,
            run: Run(n),
            attempt: u8::try_from(n).expect("small"),
            worker,
            assigned_at: NOW,
            started_at: Some(NOW),
            ended_at: NOW,
            outcome,
            error,
            result: None,
            metrics: None,
        };
        row.runs = vec![run(1, Outcome::Failed, Some(captcha())), run(2, Outcome::Completed, None)];
        id
    };
    let task = app.get(&format!("/api/tasks/{id}")).await.expect(200);
    insta::assert_json_snapshot!(task);

    let listed = app.get("/api/tasks").await.expect(200);
    let brief = listed["items"][0].as_object().expect("a task");
    assert!(!brief.contains_key("result") && !brief.contains_key("runs"), "lists leave both out");
    assert_eq!(brief["metrics"]["scrapeDurationMs"], 5);
    let listed = app.get("/api/tasks?include=result").await.expect(200);
    assert_eq!(listed["items"][0]["result"]["productTitle"], "Tea");
}

#[tokio::test]
async fn attempt_numbers_follow_the_hand_outs() {
    let app = TestApp::open();
    let job = app.world().add_job("j", JobKind::Scrape, 1);
    let cases = [
        (TaskStatus::Pending, 0, 0, 0),
        (TaskStatus::Assigned, 1, 0, 1),
        (TaskStatus::Pending, 1, 1, 1),
        (TaskStatus::Running, 2, 1, 2),
        (TaskStatus::Done(DoneStatus::Failed), 3, 3, 3),
        (TaskStatus::Done(DoneStatus::Completed), 1, 0, 1),
        (TaskStatus::Done(DoneStatus::Cancelled), 0, 0, 0),
        (TaskStatus::Done(DoneStatus::Cancelled), 1, 0, 1),
    ];
    for (status, run, attempts, shown) in cases {
        let id = {
            let mut world = app.world();
            let id = world.add_task(job, URL, status);
            let progress = Progress { run: Run(run), attempts, ..Progress::default() };
            world.tasks.get_mut(&id).expect("a task").progress = progress;
            id
        };
        let task = app.get(&format!("/api/tasks/{id}")).await.expect(200);
        assert_eq!(task["attemptNumber"], shown, "{status:?} run {run} attempts {attempts}");
        assert_eq!(task["run"], run);
    }
}

#[tokio::test]
async fn the_list_filters_and_pages() {
    let app = TestApp::open();
    let (a, b, worker) = {
        let mut world = app.world();
        let a = world.add_job("a", JobKind::Scrape, 1);
        let b = world.add_job("b", JobKind::Scrape, 1);
        let worker = WorkerId(world.id());
        for n in 0..25 {
            let status = if n % 5 == 0 { TaskStatus::Done(DoneStatus::Failed) } else { TaskStatus::Pending };
            let id = world.add_task(if n < 20 { a } else { b }, URL, status);
            let row = world.tasks.get_mut(&id).expect("a task");
            row.body.created_at = Timestamp(NOW.0 + n * 1000);
            row.worker = (n == 3).then_some(worker);
        }
        (a, b, worker)
    };
    let count = async |query: String| {
        let list = app.get(&format!("/api/tasks{query}")).await.expect(200);
        (list["total"].as_u64().expect("total"), list["items"].as_array().expect("items").len())
    };
    assert_eq!(count(String::new()).await, (25, 20));
    assert_eq!(count("?page=2".to_owned()).await, (25, 5));
    assert_eq!(count("?page=9".to_owned()).await, (25, 0));
    assert_eq!(count("?limit=100".to_owned()).await, (25, 25));
    assert_eq!(count("?status=failed".to_owned()).await, (5, 5));
    assert_eq!(count("?status=failed,pending&limit=1".to_owned()).await, (25, 1));
    assert_eq!(count("?status=running".to_owned()).await, (0, 0));
    assert_eq!(count(format!("?jobId={a}")).await, (20, 20));
    assert_eq!(count(format!("?jobId={b}&status=failed")).await, (1, 1));
    assert_eq!(count(format!("?workerId={worker}")).await, (1, 1));
    assert_eq!(count("?from=2026-02-01T12:00:10Z&to=2026-02-01T12:00:12Z".to_owned()).await, (2, 2));
    assert_eq!(count("?from=2026-02-01T13:00:10+01:00".to_owned()).await, (15, 15));
    assert_eq!(count("?from=2026-02-01".to_owned()).await, (25, 20));
    assert_eq!(count("?foreign=1".to_owned()).await, (25, 20));

    let mut seen = Vec::new();
    let mut path = "/api/tasks?limit=10".to_owned();
    loop {
        let list = app.get(&path).await.expect(200);
        seen.extend(list["items"].as_array().expect("items").iter().map(|task| task["id"].clone()));
        let Some(cursor) = list["nextCursor"].as_str() else { break };
        path = format!("/api/tasks?limit=10&cursor={cursor}");
    }
    assert_eq!(seen.len(), 25, "the cursor meets every task once");
    assert!(seen.is_sorted_by(|a, b| a.as_str() > b.as_str()), "newest first");
}

#[tokio::test]
async fn cancel_purge_and_retry() {
    let app = TestApp::open();
    let job = app.world().add_job("j", JobKind::Scrape, 1);
    let id = app.world().add_task(job, URL, TaskStatus::Running);
    let path = format!("/api/tasks/{id}");
    app.delete(&format!("{path}?purge=true")).await.expect_error(409, "CONFLICT");
    assert_eq!(app.delete(&path).await.expect(200)["status"], "cancelled");
    app.delete(&path).await.expect_error(409, "CONFLICT");
    let retried = app
        .send(crate::kit::request("POST", &format!("{path}/retry")).body(Default::default()).expect("ok"))
        .await;
    assert_eq!(retried.expect(200)["status"], "pending");
    app.post(&format!("{path}/retry"), &json!({})).await.expect_error(409, "CONFLICT");
    app.delete(&format!("{path}?purge=false")).await.expect(200);
    assert_eq!(app.delete(&format!("{path}?purge=true")).await.expect(204), Value::Null);
    app.get(&path).await.expect_error(404, "TASK_NOT_FOUND");
}

#[tokio::test]
async fn why_and_queue() {
    let app = TestApp::open();
    let job = app.world().add_job("j", JobKind::Scrape, 1);
    let id = app.world().add_task(job, URL, TaskStatus::Pending);
    insta::assert_json_snapshot!(app.get(&format!("/api/tasks/{id}/why")).await.expect(200));
    insta::assert_json_snapshot!(app.get("/api/queue").await.expect(200));
    app.world().leaderless = true;
    let stale = app.get("/api/queue").await.expect(200);
    assert_eq!(
        (&stale["stale"], &stale["total"]["ready"], &stale["depth"]),
        (&json!(true), &json!(1), &Value::Null)
    );
}
