//! Wrong queries, ids, states, paths and methods.

use super::{Case, INVALID, Ids, NO_SUCH};

/// Queries, ids, states, paths and methods.
pub(super) fn without_bodies(ids: &Ids) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut add = |method, path: &str, status, code, field| {
        cases.push((method, path.to_owned(), Vec::new(), status, code, field));
    };
    for (query, field) in [
        ("limit=101", "limit"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=", "limit"),
        ("limit=%2B5", "limit"),
        ("page=0", "page"),
        ("page=1.5", "page"),
        ("page=99999999", "page"),
        ("page=1&page=2", "page"),
        ("status=done", "status"),
        ("status=", "status"),
        ("status=failed,", "status"),
        ("status=Failed", "status"),
        ("workerId=w", "workerId"),
        ("from=yesterday", "from"),
        ("to=1769947200", "to"),
        ("to=2026-13-01", "to"),
        ("include=runs", "include"),
        ("cursor=abc", "cursor"),
    ] {
        add("GET", &format!("/api/tasks?{query}"), 400, INVALID, field);
    }
    add("GET", "/api/tasks?jobId=x", 404, "JOB_NOT_FOUND", "");
    add("GET", &format!("/api/tasks?jobId={NO_SUCH}"), 404, "JOB_NOT_FOUND", "");
    add("GET", "/api/jobs?limit=1000", 400, INVALID, "limit");
    add("GET", "/api/workers?page=x", 400, INVALID, "page");
    add("GET", "/api/events?since=-1", 400, INVALID, "since");
    add("GET", "/api/events?since=99999999999999999999", 400, INVALID, "since");
    add("GET", "/api/events?limit=101", 400, INVALID, "limit");
    add("GET", &format!("/api/jobs/{}/events?since=x", ids.job), 400, INVALID, "since");
    for id in [NO_SUCH, "1", "not-a-uuid", "%FF", "..%2f", "%00"] {
        add("GET", &format!("/api/tasks/{id}"), 404, "TASK_NOT_FOUND", "");
        add("GET", &format!("/api/tasks/{id}/why"), 404, "TASK_NOT_FOUND", "");
        add("DELETE", &format!("/api/tasks/{id}"), 404, "TASK_NOT_FOUND", "");
        add("DELETE", &format!("/api/tasks/{id}?purge=true"), 404, "TASK_NOT_FOUND", "");
        add("POST", &format!("/api/tasks/{id}/retry"), 404, "TASK_NOT_FOUND", "");
        add("GET", &format!("/api/jobs/{id}"), 404, "JOB_NOT_FOUND", "");
        add("GET", &format!("/api/jobs/{id}/events"), 404, "JOB_NOT_FOUND", "");
        add("DELETE", &format!("/api/jobs/{id}"), 404, "JOB_NOT_FOUND", "");
        add("POST", &format!("/api/jobs/{id}/pause"), 404, "JOB_NOT_FOUND", "");
        add("GET", &format!("/api/workers/{id}"), 404, "WORKER_NOT_FOUND", "");
        add("DELETE", &format!("/api/workers/{id}"), 404, "WORKER_NOT_FOUND", "");
        add("POST", &format!("/api/workers/{id}/reset"), 404, "WORKER_NOT_FOUND", "");
        add("POST", &format!("/api/workers/{id}/screenshot"), 404, "WORKER_NOT_FOUND", "");
    }
    add("DELETE", &format!("/api/tasks/{}", ids.completed_task), 409, "CONFLICT", "");
    add("DELETE", &format!("/api/tasks/{}", ids.failed_task), 409, "CONFLICT", "");
    add("DELETE", &format!("/api/tasks/{}?purge=true", ids.open_task), 409, "CONFLICT", "");
    add("DELETE", &format!("/api/tasks/{}?purge=yes", ids.failed_task), 400, INVALID, "purge");
    add("POST", &format!("/api/tasks/{}/retry", ids.completed_task), 409, "CONFLICT", "");
    add("POST", &format!("/api/tasks/{}/retry", ids.open_task), 409, "CONFLICT", "");
    add("POST", &format!("/api/jobs/{}/resume", ids.cancelled_job), 409, "CONFLICT", "");
    add("POST", &format!("/api/workers/{}/reset", ids.worker), 409, "CONFLICT", "");
    add("POST", &format!("/api/workers/{}/screenshot", ids.worker), 409, "CONFLICT", "");
    for path in
        ["/", "/api", "/api/", "/api/nothing", "/api/tasks/", "/api/tasks/1/2/3", "/api//tasks", "/API/TASKS"]
    {
        add("GET", path, 404, "NOT_FOUND", "");
    }
    add("PUT", "/api/tasks", 405, "METHOD_NOT_ALLOWED", "");
    add("DELETE", "/api/tasks", 405, "METHOD_NOT_ALLOWED", "");
    add("POST", "/api/queue", 405, "METHOD_NOT_ALLOWED", "");
    add("PATCH", &format!("/api/tasks/{}", ids.open_task), 405, "METHOD_NOT_ALLOWED", "");
    add("GET", &format!("/api/jobs/{}/pause", ids.job), 405, "METHOD_NOT_ALLOWED", "");
    add("TRACE", "/api/tasks", 405, "METHOD_NOT_ALLOWED", "");
    cases
}
