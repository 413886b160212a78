//! Wrong bodies of batches, jobs, workers and hosts.

use super::{Case, INVALID, Ids, bytes};
use serde_json::json;

const JOB: &str = "00000000-0000-7000-8000-000000000001";
const OTHER: &str = "00000000-0000-7000-8000-000000000002";

/// Bodies of `POST /api/tasks/batch`.
pub(super) fn batches() -> Vec<Case> {
    let good = json!({ "productUrl": "https://a.example/" });
    let too_many: Vec<_> = (0..10_001).map(|_| "https://a.example/").collect();
    let bodies = [
        (json!({}), "tasks"),
        (json!({ "tasks": null }), "tasks"),
        (json!({ "tasks": [] }), "tasks"),
        (json!({ "tasks": {} }), "tasks"),
        (json!({ "tasks": "x" }), "tasks"),
        (json!({ "productUrls": [] }), "productUrls"),
        (json!({ "productUrls": "https://a.example/" }), "productUrls"),
        (json!({ "productUrls": too_many }), "productUrls"),
        (json!({ "tasks": [good], "productUrls": ["https://a.example/"] }), "productUrls"),
        (json!({ "tasks": [good, good, good, { "productUrl": "x" }] }), "tasks[3].productUrl"),
        (json!({ "tasks": [good, {}] }), "tasks[1].productUrl"),
        (json!({ "tasks": [{ "productUrl": "https://a.example/", "jobId": JOB }] }), "tasks[0].jobId"),
        (
            json!({ "tasks": [good, { "productUrl": "https://a.example/", "jobId": OTHER }], "jobId": JOB }),
            "tasks[1].jobId",
        ),
        (json!({ "tasks": [{ "productUrl": "https://a.example/", "crawl": {} }] }), "tasks[0].crawl"),
        (json!({ "tasks": [good], "priority": 50 }), "priority"),
        (json!({ "tasks": [good], "kind": "scrape" }), "kind"),
        (json!({ "tasks": [good], "maxAttempts": 1 }), "maxAttempts"),
        (json!({ "tasks": [good], "notBefore": "2026-02-01T12:00:00Z" }), "notBefore"),
        (json!({ "tasks": [good], "options": {} }), "options"),
        (json!({ "tasks": [good, 7] }), "tasks[1]"),
        (json!({ "tasks": [good, null] }), "tasks[1]"),
        (json!({ "tasks": [["https://a.example/"]] }), "tasks[0]"),
        (json!({ "tasks": [{ "productUrl": "https://a.example/", "priority": 101 }] }), "tasks[0].priority"),
        (
            json!({ "tasks": [{ "productUrl": "https://a.example/", "options": { "html": 1 } }] }),
            "tasks[0].options.html",
        ),
        (json!({ "productUrls": ["https://a.example/", 7] }), "productUrls[1]"),
        (json!({ "productUrls": ["https://a.example/", "http://10.0.0.1/"] }), "productUrls[1]"),
        (json!({ "productUrls": ["https://a.example/"], "priority": 101 }), "priority"),
        (json!({ "productUrls": ["https://a.example/"], "name": "" }), "name"),
        (json!({ "productUrls": ["https://a.example/"], "name": "a\u{0}b" }), "name"),
    ];
    bodies
        .into_iter()
        .map(|(body, field)| {
            ("POST", "/api/tasks/batch".to_owned(), bytes(body.to_string()), 400, INVALID, field)
        })
        .collect()
}

/// Everything else with a body.
pub(super) fn other_bodies(ids: &Ids) -> Vec<Case> {
    let config = format!("/api/workers/{}/config", ids.worker);
    let host = "/api/hosts/a.example";
    let cases = [
        ("POST", "/api/jobs", json!({}), "name"),
        ("POST", "/api/jobs", json!({ "name": "" }), "name"),
        ("POST", "/api/jobs", json!({ "name": 1 }), "name"),
        ("POST", "/api/jobs", json!({ "name": "x".repeat(201) }), "name"),
        ("POST", "/api/jobs", json!({ "name": "a\nb" }), "name"),
        ("POST", "/api/jobs", json!({ "name": "j", "crawl": {} }), "crawl"),
        ("POST", "/api/jobs", json!({ "name": "j", "kind": "crawl", "crawl": 7 }), "crawl"),
        (
            "POST",
            "/api/jobs",
            json!({ "name": "j", "kind": "crawl", "crawl": { "scope": "same-path-prefix" } }),
            "crawl.prefix",
        ),
        ("POST", "/api/jobs", json!({ "name": "j", "kind": "x" }), "kind"),
        ("POST", "/api/jobs", json!({ "name": "j", "weight": 0 }), "weight"),
        ("POST", "/api/jobs", json!({ "name": "j", "weight": 1001 }), "weight"),
        ("POST", "/api/workers", json!({}), "name"),
        ("POST", "/api/workers", json!({ "name": "x".repeat(101) }), "name"),
        ("POST", "/api/workers", json!({ "name": ["w"] }), "name"),
        ("PATCH", &config, json!({}), "rateLimit"),
        ("PATCH", &config, json!({ "headless": "yes" }), "headless"),
        ("PATCH", &config, json!({ "rateLimit": 5 }), "rateLimit"),
        ("PATCH", &config, json!({ "rateLimit": { "minDelayMs": 1 } }), "rateLimit.maxDelayMs"),
        (
            "PATCH",
            &config,
            json!({ "rateLimit": { "minDelayMs": 2, "maxDelayMs": 1 } }),
            "rateLimit.maxDelayMs",
        ),
        (
            "PATCH",
            &config,
            json!({ "rateLimit": { "minDelayMs": -1, "maxDelayMs": 1 } }),
            "rateLimit.minDelayMs",
        ),
        (
            "PATCH",
            &config,
            json!({ "rateLimit": { "minDelayMs": 0, "maxDelayMs": 3_600_001 } }),
            "rateLimit.maxDelayMs",
        ),
        ("PUT", host, json!({}), "minIntervalMs"),
        ("PUT", host, json!({ "minIntervalMs": 86_400_001 }), "minIntervalMs"),
        ("PUT", host, json!({ "maxConcurrency": 1.5 }), "maxConcurrency"),
        ("PUT", "/api/hosts/a.example:80", json!({ "maxConcurrency": 1 }), "host"),
        ("PUT", "/api/hosts/a%20b", json!({ "maxConcurrency": 1 }), "host"),
    ];
    cases
        .into_iter()
        .map(|(method, path, body, field)| {
            (method, path.to_owned(), bytes(body.to_string()), 400, INVALID, field)
        })
        .collect()
}
