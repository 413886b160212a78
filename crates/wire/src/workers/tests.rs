//! The dialect as a whole: good events, bad ones by field, both ways of checking alike, each message as it leaves.

use super::received::shapes;
use super::shape::{Field, first_error};
use super::*;
use crate::ErrorBody;
use proptest::prelude::*;
use serde_json::{Value, json};
use ukai_domain::scheduler::{Input, Word};
use ukai_domain::{Code, ErrorType, JobId, ReportedStatus, Run, SessionId, TaskId, Timestamp, WorkerId};

const ID: &str = "0198c0de-0000-7000-8000-000000000001";
const AT: &str = "2026-02-01T10:00:00.000Z";

fn good() -> Vec<(&'static str, Value, &'static [Field])> {
    vec![
        (
            "worker:heartbeat",
            json!({
                "status": "busy", "currentTaskId": ID,
                "networkInfo": {"externalIp": "203.0.113.7", "ispName": "ISP", "lastCheckedAt": AT},
                "stats": {"tasksCompleted": 3, "tasksFailed": 1, "uptime": 12.5},
            }),
            shapes::HEARTBEAT,
        ),
        ("task:started", json!({"taskId": ID, "startedAt": AT, "run": 1}), shapes::STARTED),
        (
            "task:completed",
            json!({
                "taskId": ID, "completedAt": AT, "run": 2,
                "result": {
                    "productTitle": "Kettle", "price": 19.99, "currency": "EUR", "originalPrice": null,
                    "rating": 4.5, "reviewCount": 12, "availability": "In stock", "isAvailable": true,
                    "imageUrls": ["https://example.com/1.jpg"], "asin": null,
                },
                "metrics": {"scrapeDurationMs": 900, "pageLoadTimeMs": 400},
                "kind": "scrape", "verdict": "PRODUCT", "records": [{"title": "Kettle"}, {"title": "Pan"}],
                "links": ["https://example.com/2"], "linksSkipped": {"robots": 1, "nofollow": null}, "finalUrl": "https://example.com/", "artifacts": [{"id": 1}], "sources": {"price": "json-ld"},
            }),
            shapes::COMPLETED,
        ),
        (
            "task:failed",
            json!({
                "taskId": ID, "failedAt": AT,
                "error": {"type": "CAPTCHA", "message": "a challenge", "details": "stack"},
                "metrics": {"attemptDurationMs": 10},
            }),
            shapes::FAILED,
        ),
        (
            "worker:network_changed",
            json!({"previousIp": "", "currentIp": "203.0.113.8", "previousIsp": "", "currentIsp": "B", "changedAt": AT}),
            shapes::NETWORK,
        ),
        (
            "worker:block_detected",
            json!({"detectedAt": AT, "reason": "captcha", "suggestedAction": "wait", "failedTaskIds": [ID]}),
            shapes::BLOCK,
        ),
        ("error", json!({"code": "X", "message": "m", "timestamp": AT}), shapes::ERROR),
    ]
}

fn parse_value(event: &str, value: &Value) -> Result<Received, Invalid> {
    parse(SessionId::NIL, event, &value.to_string())
}

#[test]
fn every_event_of_the_contract_is_understood() {
    for (event, value, fields) in good() {
        parse_value(event, &value).unwrap();
        assert_eq!(first_error(&value, fields), None, "{event}");
    }
    for payload in ["", "]", "null]", "{}]", r#"{"reason":"update"}]"#] {
        assert!(matches!(
            parse(SessionId::NIL, "worker:draining", payload),
            Ok(Received::Input(Input::Draining { .. }))
        ));
    }
    assert_eq!(
        parse(SessionId::NIL, "task:done", "{}").unwrap_err().to_string(),
        "task:done: event: is unknown"
    );
}

#[test]
fn a_completion_keeps_its_text_and_counts_its_items() {
    let text = format!(
        r#"{{"taskId":"{ID}","completedAt":"{AT}","result": {{"productTitle":"K\u00e9ttle" , "price":1,"currency":"","originalPrice":null,"rating":null,"reviewCount":null,"availability":null,"isAvailable":false,"imageUrls":[],"asin":null,"more":[1]}},"metrics":{{"scrapeDurationMs":1,"pageLoadTimeMs":2.5}},"verdict":"PRODUCT","unknown":{{"x":1}}}}, "second argument"]"#
    );
    let Received::Input(Input::Report(report)) = parse(SessionId::NIL, "task:completed", &text).unwrap()
    else {
        panic!("no report")
    };
    assert_eq!((report.task, report.run), (TaskId::parse(ID).unwrap(), None));
    let Word::Completed(done) = report.word else { panic!("not completed") };
    assert!(
        done.result.starts_with(r#"{"productTitle":"K\u00e9ttle" , "price":1"#)
            && done.result.ends_with(r#""more":[1]}"#)
    );
    assert_eq!(done.metrics.as_deref(), Some(r#"{"scrapeDurationMs":1,"pageLoadTimeMs":2.5}"#));
    assert_eq!((done.extra.as_deref(), done.items), (Some(r#"{"verdict":"PRODUCT"}"#), 1));
}

#[test]
fn items_are_records_or_one_title() {
    let items = |title: &str, records: Value| {
        let (_, mut value, _) = good().remove(2);
        value["result"]["productTitle"] = json!(title);
        value["records"] = records;
        match parse_value("task:completed", &value).unwrap() {
            Received::Input(Input::Report(report)) => match report.word {
                Word::Completed(done) => done.items,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(items("Kettle", Value::Null), 1);
    assert_eq!(items("Kettle", json!([{}, {}, {}])), 3);
    assert_eq!(items("", json!([{}])), 1);
    assert_eq!(items("Kettle", json!([])), 1);
    assert_eq!(items("  ", Value::Null), 0);
}

#[test]
fn heartbeat_and_failure_become_inputs() {
    let all = good();
    let Received::Input(Input::Heartbeat(beat)) = parse_value(all[0].0, &all[0].1).unwrap() else { panic!() };
    assert_eq!((beat.status, beat.current_task), (ReportedStatus::Busy, TaskId::parse(ID)));
    assert_eq!((beat.stats.tasks_completed, beat.stats.uptime), (3, 12.5));
    let Received::Input(Input::Report(report)) = parse_value(all[3].0, &all[3].1).unwrap() else { panic!() };
    let Word::Failed { error, metrics } = report.word else { panic!() };
    assert_eq!((error.kind, error.details.as_deref()), (ErrorType::Captcha, Some("stack")));
    assert_eq!(metrics.as_deref(), Some(r#"{"attemptDurationMs":10}"#));
}

/// Event number, the path to change, what to put there (`null` stands for: take the key away), the field named.
#[test]
fn bad_events_name_their_field() {
    let cases: Vec<(usize, &str, Value, &str)> = vec![
        (0, "/status", json!("sleeping"), "status: must be one of idle, busy, blocked"),
        (0, "/status", json!({"idle": null}), "status: must be one of idle, busy, blocked"),
        (0, "/status", Value::Null, "status: is missing"),
        (0, "/currentTaskId", json!("7"), "currentTaskId: must be a UUID"),
        (0, "/currentTaskId", json!(""), "currentTaskId: must be a UUID"),
        (0, "/networkInfo", json!("x"), "networkInfo: must be an object"),
        (0, "/networkInfo", json!(["a", "b", ""]), "networkInfo: must be an object"),
        (0, "/networkInfo/externalIp", json!(1), "networkInfo.externalIp: must be a string"),
        (
            0,
            "/networkInfo/lastCheckedAt",
            json!("soon"),
            "networkInfo.lastCheckedAt: must be an ISO 8601 time or an empty string",
        ),
        (
            0,
            "/stats/tasksCompleted",
            json!(-1),
            "stats.tasksCompleted: must be a number, not negative and at most 2^53",
        ),
        (0, "/stats/uptime", json!("1"), "stats.uptime: must be a number, not negative and at most 2^53"),
        (0, "/stats", Value::Null, "stats: is missing"),
        (1, "/taskId", json!(ID.replace('-', "")), "taskId: must be a UUID"),
        (1, "/taskId", json!(7), "taskId: must be a UUID"),
        (1, "/taskId", Value::Null, "taskId: is missing"),
        (1, "/startedAt", json!(1_770_000_000), "startedAt: must be an ISO 8601 time"),
        (1, "/startedAt", json!("later"), "startedAt: must be an ISO 8601 time"),
        (1, "/run", json!(0), "run: must be a whole number from 1"),
        (1, "/run", json!(1.5), "run: must be a whole number from 1"),
        (1, "/run", json!("1"), "run: must be a whole number from 1"),
        (1, "/run", json!(4_294_967_296_u64), "run: must be a whole number from 1"),
        (2, "/result", Value::Null, "result: is missing"),
        (2, "/result", json!("text"), "result: must be an object"),
        (2, "/result", json!([]), "result: must be an object"),
        (2, "/result/productTitle", json!(null), "result.productTitle: is missing"),
        (2, "/result/price", json!("19.99"), "result.price: must be a number or null"),
        (2, "/result/currency", json!(1), "result.currency: must be a string"),
        (2, "/result/rating", json!([]), "result.rating: must be a number or null"),
        (2, "/result/availability", json!(true), "result.availability: must be a string or null"),
        (2, "/result/isAvailable", json!("yes"), "result.isAvailable: must be true or false"),
        (2, "/result/imageUrls", json!("x"), "result.imageUrls: must be an array"),
        (2, "/result/imageUrls", json!(["x", 2]), "result.imageUrls[1]: must be a string"),
        (2, "/result/asin", json!(3), "result.asin: must be a string or null"),
        (2, "/metrics", Value::Null, "metrics: is missing"),
        (
            2,
            "/metrics/pageLoadTimeMs",
            json!(-5),
            "metrics.pageLoadTimeMs: must be a number, not negative and at most 2^53",
        ),
        (2, "/records", json!({}), "records: must be an array"),
        (2, "/records", json!([{}, 1]), "records[1]: must be an object"),
        (2, "/links", json!("x"), "links: must be an array"),
        (2, "/links", json!(["x", 7]), "links[1]: must be a string"),
        (2, "/linksSkipped", json!([1]), "linksSkipped: must be an object"),
        (2, "/linksSkipped", json!({ "robots": -1 }), "linksSkipped.robots: must be a whole number from 0"),
        (2, "/finalUrl", json!(7), "finalUrl: must be a string"),
        (2, "/kind", json!(1), "kind: must be a string"),
        (
            3,
            "/error/type",
            json!("OOPS"),
            "error.type: must be one of CAPTCHA, BLOCKED, THROTTLED, NETWORK, PARSE_ERROR, TIMEOUT",
        ),
        (3, "/error/message", json!(0), "error.message: must be a string"),
        (3, "/error/details", json!({}), "error.details: must be a string"),
        (3, "/error", json!("CAPTCHA"), "error: must be an object"),
        (3, "/metrics", json!({}), "metrics.attemptDurationMs: is missing"),
        (4, "/currentIp", Value::Null, "currentIp: is missing"),
        (
            5,
            "/suggestedAction",
            json!("panic"),
            "suggestedAction: must be one of wait, change_network, manual_intervention",
        ),
        (5, "/failedTaskIds", json!([ID, "x"]), "failedTaskIds[1]: must be a UUID"),
        (6, "/code", json!(1), "code: must be a string"),
    ];
    for (n, path, put, want) in cases {
        let (event, mut value, fields) = good().remove(n);
        let (parent, key) = path.rsplit_once('/').unwrap();
        let object = value.pointer_mut(parent).unwrap().as_object_mut().unwrap();
        if put.is_null() {
            object.remove(key);
        } else {
            object.insert(key.to_owned(), put);
        }
        assert_eq!(parse_value(event, &value).unwrap_err().to_string(), format!("{event}: {want}"));
        assert!(first_error(&value, fields).is_some(), "{event} {want}");
    }
}

#[test]
fn payloads_that_are_no_objects() {
    let cases = [
        ("", "payload: must be an object"),
        ("]", "payload: is not JSON"),
        ("null]", "payload: must be an object"),
        ("\"x\"]", "payload: must be an object"),
        ("[1]]", "payload: must be an object"),
        ("{\"taskId\":]", "payload: is not JSON"),
    ];
    for (payload, want) in cases {
        let got = parse(SessionId::NIL, "task:started", payload).unwrap_err();
        assert_eq!(got.to_string(), format!("task:started: {want}"), "{payload}");
    }
    let twice = format!(r#"{{"taskId":"{ID}","taskId":"{ID}","startedAt":"{AT}"}}"#);
    let got = parse(SessionId::NIL, "task:started", &twice).unwrap_err();
    assert_eq!(got.to_string(), "task:started: payload: duplicate field `taskId`");
}

#[test]
fn packets_are_split() {
    let cases = [
        (r#"["a:b",{"x":1}]"#, Some(("a:b", r#"{"x":1}]"#))),
        (r#" [ "a" , 1]"#, Some(("a", " 1]"))),
        (r#"["a"]"#, Some(("a", ""))),
        ("[]", None),
        ("[1]", None),
        (r#"["a\"b"]"#, None),
        ("", None),
    ];
    for (packet, want) in cases {
        assert_eq!(split(packet), want, "{packet}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(event in "[a-z:_]{0,12}|task:started|task:completed|worker:draining|error", payload in ".{0,80}") {
        let _ = parse(SessionId::NIL, &event, &payload);
        let _ = ConnectAuth::parse(&payload);
        let _ = split(&payload);
        let _ = ConfigUpdate::new(&payload, true);
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        Just(json!(-1)),
        Just(json!(0)),
        Just(json!(3)),
        Just(json!(1.5)),
        Just(json!(1e300)),
        Just(json!(u64::MAX)),
        Just(json!("")),
        Just(json!("idle")),
        Just(json!("BLOCKED")),
        Just(json!(ID)),
        Just(json!(AT)),
        Just(json!([])),
        Just(json!([ID])),
        Just(json!([1])),
        Just(json!([{}])),
        Just(json!({})),
        Just(json!({"idle": null})),
        Just(json!(["a", "b", AT])),
    ]
}

fn paths(value: &Value, prefix: &str, out: &mut Vec<String>) {
    if let Value::Object(map) = value {
        for (key, inner) in map {
            out.push(format!("{prefix}/{key}"));
            paths(inner, &format!("{prefix}/{key}"), out);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    /// The way without a tree and the table that names fields accept the same payloads.
    #[test]
    fn both_ways_agree(n in 0_usize..7, places in prop::collection::vec((any::<prop::sample::Index>(), any_value()), 1..3)) {
        let (event, mut value, fields) = good().remove(n);
        for (place, put) in places {
            let mut all = Vec::new();
            paths(&value, "", &mut all);
            if all.is_empty() { break }
            let path = place.get(&all).clone();
            *value.pointer_mut(&path).unwrap() = put;
        }
        let shape = first_error(&value, fields);
        let parsed = parse_value(event, &value);
        prop_assert_eq!(shape.is_none(), parsed.is_ok(), "{} {:?} {:?}", value, shape, parsed);
    }
}

/// The text that leaves, each key on its line. The snapshot tool's own serialiser doesn't know raw text.
fn text(message: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(message).unwrap()
}

fn id(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(n)
}

#[test]
fn messages_as_they_leave() {
    let registered = WorkerRegistered {
        worker_id: WorkerId(id(1)),
        server_time: Timestamp(1_770_000_000_000),
        config: RegisteredConfig { heartbeat_interval: 10_000, task_timeout: 60_000 },
    };
    insta::assert_snapshot!("registered", text(&registered));
    let assigned = TaskAssigned {
        task_id: TaskId(id(2)),
        product_url: "https://example.com/kettle",
        priority: 50,
        attempt_number: 1,
        assigned_at: Timestamp(1_770_000_000_000),
        run: Run(1),
        kind: "scrape",
        job_id: JobId(id(3)),
        deadline_at: Timestamp(1_770_000_030_000),
        recipe: None,
        options: None,
        crawl: None,
        traceparent: None,
    };
    insta::assert_snapshot!("assigned", text(&assigned));
    let full = TaskAssigned {
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ..assigned
    }
    .with_options(Some(r#"{"screenshot":true,"recipe":{"fields":{"title":"h1"}}}"#))
    .with_crawl(Some(r#"{"maxDepth":2,"respectRobots":true}"#));
    insta::assert_snapshot!("assigned_full", text(&full));
    let cancelled = TaskCancelled { task_id: TaskId(id(2)), reason: "cancelled by an operator", run: Run(1) };
    insta::assert_snapshot!("cancelled", text(&cancelled));
    let config = ConfigUpdate::new(r#"{"rateLimit":{"minDelayMs":1,"maxDelayMs":2}}"#, true).unwrap();
    insta::assert_snapshot!("config_update", text(&config));
    let error =
        ErrorBody::new(Code::AuthFailed, "the worker token is not valid", Timestamp(1_770_000_000_000));
    insta::assert_snapshot!("error", text(&error));
    insta::assert_snapshot!(
        "acks",
        text(&[Ack::accepted(false), Ack::accepted(true), Ack::refused("stale")])
    );
}

#[test]
fn an_empty_config_says_nothing() {
    let text =
        |config: &str, reset| ConfigUpdate::new(config, reset).map(|c| serde_json::to_string(&c).unwrap());
    assert_eq!(text("{}", false), None);
    assert_eq!(text("{}", true).as_deref(), Some(r#"{"reset":true}"#));
    assert_eq!(text(r#"{"headless":true}"#, false).as_deref(), Some(r#"{"headless":true}"#));
    assert_eq!(text("nonsense", true), None);
}

#[test]
fn a_wish_for_a_picture_names_its_run() {
    let wish = ConfigUpdate::screenshot(TaskId(id(2)), Run(3)).unwrap();
    let task = "00000000-0000-0000-0000-000000000002";
    assert_eq!(serde_json::to_value(&wish).unwrap(), json!({ "screenshot": true, "taskId": task, "run": 3 }));
}
