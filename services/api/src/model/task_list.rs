//! Many tasks at once: a page, or an accepted batch.

use super::Task;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A page of tasks, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskList {
    /// What is on it.
    pub(crate) items: Vec<Task>,
    /// From 1.
    pub(crate) page: u32,
    /// Items of a page at most.
    pub(crate) limit: u32,
    /// Tasks that the filters let through; of filtered lists exact to 10,000.
    pub(crate) total: u64,
    /// Whether counting stopped at 10,000.
    pub(crate) total_is_estimate: bool,
    /// Continues below this page at the same cost however deep; `null` at the end.
    pub(crate) next_cursor: Option<String>,
}

/// An accepted batch.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TaskBatch {
    /// In the order of the request.
    pub(crate) items: Vec<Task>,
    /// How many.
    pub(crate) total: u64,
    /// The job that they belong to.
    pub(crate) job_id: Uuid,
}
