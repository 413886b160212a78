//! `GET /api/tasks`.

use crate::error::ApiError;
use crate::extract::{JobPath, Query};
use crate::model::{Detail, Error, Task, TaskList};
use crate::state::{App, AppState};
use axum::Json;
use axum::extract::State;
use ukai_domain::{JobId, TaskId, WorkerId};
use ukai_store::{TaskFilter, TaskPage, TaskStatus};

/// Tasks, newest first.
#[utoipa::path(get, path = "/api/tasks", tag = "tasks", operation_id = "listTasks",
    params(
        ("status" = Option<String>, Query, description = "Any of these, separated by commas: `pending`, `assigned`, `running`, `completed`, `failed`, `cancelled`", example = "failed,cancelled"),
        ("workerId" = Option<uuid::Uuid>, Query, description = "With this worker, or with it last"),
        ("jobId" = Option<uuid::Uuid>, Query, description = "Of this job"),
        ("from" = Option<String>, Query, description = "Created at or after; RFC 3339 or a date"),
        ("to" = Option<String>, Query, description = "Created before; RFC 3339 or a date"),
        ("include" = Option<String>, Query, description = "`result` adds each task's result"),
        ("page" = Option<u32>, Query, description = "From 1; default 1"),
        ("limit" = Option<u32>, Query, description = "1 to 100; default 20"),
        ("cursor" = Option<String>, Query, description = "`nextCursor` of the page before; `page` is then ignored"),
    ),
    responses(
        (status = 200, description = "A page", body = TaskList),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
        (status = 404, description = "`JOB_NOT_FOUND`", body = Error),
    ))]
pub(crate) async fn list_tasks(State(app): State<App>, mut query: Query) -> Result<Json<TaskList>, ApiError> {
    let page = query.page();
    let statuses =
        "must be any of pending, assigned, running, completed, failed, cancelled, separated by commas";
    let status = query.parse(
        "status",
        |text| text.split(',').map(|s| TaskStatus::parse(s.trim())).collect(),
        statuses,
    );
    let worker = query.parse("workerId", WorkerId::parse, "must be a UUID");
    let job = query.take("jobId");
    let from = query.time("from");
    let to = query.time("to");
    let with_result =
        query.parse("include", |text| (text == "result").then_some(()), "must be result").is_some();
    let before = query.parse("cursor", TaskId::parse, "must be the nextCursor of another page");
    query.finish()?;
    let job = match job {
        Some(text) => Some(known_job(&app, &text).await?),
        None => None,
    };
    let filter = TaskFilter {
        status: status.unwrap_or_default(),
        worker,
        job,
        from,
        to,
        before,
        offset: page.offset(),
        limit: page.limit,
        // The metrics of the list come with the results.
        with_result: true,
    };
    let unfiltered = TaskFilter { offset: 0, limit: 0, with_result: false, before: None, ..filter.clone() }
        == TaskFilter::default();
    let found = app.reads.tasks(filter).await?;
    let (total, total_is_estimate) = total(&app, &found, unfiltered).await?;
    let more = if before.is_some() {
        found.items.len() == page.limit as usize
    } else {
        total_is_estimate || page.offset() + (found.items.len() as u64) < total
    };
    let next_cursor = found.items.last().filter(|_| more).map(|row| row.body.id.to_string());
    let detail = if with_result { Detail::WithResult } else { Detail::Brief };
    let items = found.items.into_iter().map(|row| Task::new(row, detail)).collect();
    Ok(Json(TaskList { items, page: page.page, limit: page.limit, total, total_is_estimate, next_cursor }))
}

/// The job of the filter, which must exist.
async fn known_job(app: &AppState, text: &str) -> Result<JobId, ApiError> {
    let id = JobId::parse(text).ok_or_else(|| JobPath::unknown(text))?;
    crate::jobs::show::read(app, id).await?;
    Ok(id)
}

/// The count of the filter. All tasks together are known exactly, from the balance.
async fn total(app: &AppState, found: &TaskPage, unfiltered: bool) -> Result<(u64, bool), ApiError> {
    if !(unfiltered && found.total_is_estimate) {
        return Ok((found.total, found.total_is_estimate));
    }
    let all = app.reads.total_counts().await?;
    Ok((u64::try_from(all.submitted - all.purged).unwrap_or(0), false))
}
