//! Wrong bodies of a single task.

use super::{Case, INVALID, Ids, NO_SUCH, bytes};
use serde_json::json;

/// Bodies of `POST /api/tasks`.
pub(super) fn submissions(ids: &Ids) -> Vec<Case> {
    let bodies: Vec<(Vec<u8>, u16, &str, &str)> = vec![
        // No JSON, or no object.
        (bytes(""), 400, INVALID, ""),
        (bytes("{"), 400, INVALID, ""),
        (bytes("null"), 400, INVALID, ""),
        (bytes("[]"), 400, INVALID, ""),
        (bytes(r#"["https://a.example/"]"#), 400, INVALID, ""),
        (bytes(r#""https://a.example/""#), 400, INVALID, ""),
        (bytes("{} {}"), 400, INVALID, ""),
        (bytes(r#"{"productUrl":"https://a.example/","priority":NaN}"#), 400, INVALID, ""),
        (bytes(b"{\"productUrl\":\"https://a.example/\xff\"}"), 400, INVALID, ""),
        (bytes(r#"{"productUrl":"https://a.example/\ud800"}"#), 400, INVALID, ""),
        (bytes(format!("{}{}", r#"{"x":"#, "[".repeat(10_000))), 400, INVALID, ""),
        // The target.
        (bytes("{}"), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":null}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":7}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":""}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":["https://a.example/"]}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"a.example"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"ftp://a.example/"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"file:///etc/passwd"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"javascript:alert(1)"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"https://"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"https://u:p@a.example/"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"https://a.example/\u0000"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"http://127.0.0.1/"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"http://2130706433/"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"http://[::ffff:10.0.0.1]/"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"http://169.254.169.254/latest/"}"#), 400, INVALID, "productUrl"),
        (bytes(r#"{"productUrl":"http://localhost:3000/"}"#), 400, INVALID, "productUrl"),
        (
            bytes(format!(r#"{{"productUrl":"https://a.example/{}"}}"#, "x".repeat(8192))),
            400,
            INVALID,
            "productUrl",
        ),
    ];
    let members = [
        (r#""priority":101"#, "priority"),
        (r#""priority":-1"#, "priority"),
        (r#""priority":1.5"#, "priority"),
        (r#""priority":1e400"#, ""),
        (r#""priority":"50""#, "priority"),
        (r#""priority":true"#, "priority"),
        (r#""priority":99999999999999999999"#, "priority"),
        (r#""kind":"Crawl""#, "kind"),
        (r#""crawl":{}"#, "crawl"),
        (r#""kind":"crawl","crawl":[]"#, "crawl"),
        (r#""kind":"crawl","crawl":{"maxDepth":-1}"#, "crawl.maxDepth"),
        (r#""kind":"crawl","crawl":{"maxPages":0}"#, "crawl.maxPages"),
        (r#""kind":"crawl","crawl":{"maxPages":100001}"#, "crawl.maxPages"),
        (r#""kind":"crawl","crawl":{"scope":"everywhere"}"#, "crawl.scope"),
        (r#""kind":"crawl","crawl":{"prefix":"/a"}"#, "crawl.prefix"),
        (r#""kind":"crawl","crawl":{"include":"/a"}"#, "crawl.include"),
        (r#""kind":"crawl","crawl":{"include":["/a",1]}"#, "crawl.include[1]"),
        (r#""kind":"crawl","crawl":{"exclude":["/a",""]}"#, "crawl.exclude[1]"),
        (r#""kind":"crawl","crawl":{"respectRobots":"no"}"#, "crawl.respectRobots"),
        (r#""kind":"""#, "kind"),
        (r#""kind":1"#, "kind"),
        (r#""maxAttempts":0"#, "maxAttempts"),
        (r#""maxAttempts":4"#, "maxAttempts"),
        (r#""maxAttempts":"3""#, "maxAttempts"),
        (r#""notBefore":"tomorrow""#, "notBefore"),
        (r#""notBefore":"2026-02-30T00:00:00Z""#, "notBefore"),
        (r#""notBefore":"2026-02-01T00:00:00""#, "notBefore"),
        (r#""notBefore":1769947200000"#, "notBefore"),
        (r#""jobId":1"#, "jobId"),
        (r#""options":"screenshot""#, "options"),
        (r#""options":[]"#, "options"),
        (r#""options":{"screenshot":"yes"}"#, "options.screenshot"),
        (r#""options":{"screenshot":1}"#, "options.screenshot"),
        (r#""options":{"screenshot":{"format":"gif"}}"#, "options.screenshot.format"),
        (r#""options":{"screenshot":{"fullPage":1}}"#, "options.screenshot.fullPage"),
        (r#""options":{"screenshot":{"selector":""}}"#, "options.screenshot.selector"),
        (r#""options":{"screenshot":{"selector":"a\u0000"}}"#, "options.screenshot.selector"),
        (r#""options":{"html":"true"}"#, "options.html"),
        (r#""options":{"recipe":7}"#, "options.recipe"),
        (r#""options":{"recipe":""}"#, "options.recipe"),
        (r#""options":{"recipe":["x"]}"#, "options.recipe"),
        (r#""options":{"recipe":" "}"#, "options.recipe"),
        (r#""options":{"recipe":"two\nlines"}"#, "options.recipe"),
        (r#""options":{"recipe":"name = 1"}"#, "options.recipe"),
        (r#""options":{"recipe":{"name":"own"}}"#, "options.recipe"),
        (r#""options":{"recipe":{"name":null,"page":[]}}"#, "options.recipe"),
        (r#""options":{"recipe":{"name":"own","page":[],"fields":{}}}"#, "options.recipe"),
        (r#""options":{"recipe":{"name":"own","page":[{"kind":"product","url":"("}]}}"#, "options.recipe"),
        (r#""options":{"recipe":{"name":"\u0000","page":[]}}"#, "options"),
        (r#""options":{"timeoutMs":999}"#, "options.timeoutMs"),
        (r#""options":{"timeoutMs":600001}"#, "options.timeoutMs"),
        (r#""options":{"timeoutMs":"5000"}"#, "options.timeoutMs"),
    ];
    let members = members.iter().map(|(member, field)| {
        (bytes(format!(r#"{{"productUrl":"https://a.example/",{member}}}"#)), 400, INVALID, *field)
    });
    let big = json!({ "productUrl": "https://a.example/", "options": { "recipe": recipe_of(262_000), "screenshot": { "selector": "x".repeat(900) } } });
    let large_crawl = json!({
        "productUrl": "https://a.example/",
        "kind": "crawl",
        "options": { "recipe": recipe_of(9_000) },
    });
    let jobs = [
        (json!({ "productUrl": "https://a.example/", "jobId": NO_SUCH }), 404, "JOB_NOT_FOUND", ""),
        (json!({ "productUrl": "https://a.example/", "jobId": "mine" }), 404, "JOB_NOT_FOUND", ""),
        (json!({ "productUrl": "https://a.example/", "jobId": ids.cancelled_job }), 409, "CONFLICT", ""),
        (big, 400, INVALID, "options"),
        (large_crawl, 400, INVALID, "options"),
    ];
    let jobs = jobs.map(|(body, status, code, field)| (bytes(body.to_string()), status, code, field));
    bodies
        .into_iter()
        .chain(members)
        .chain(jobs)
        .map(|(body, status, code, field)| ("POST", "/api/tasks".to_owned(), body, status, code, field))
        .collect()
}

/// A sound recipe of this size.
fn recipe_of(bytes: usize) -> serde_json::Value {
    json!({ "name": "own", "about": "x".repeat(bytes), "page": [] })
}
