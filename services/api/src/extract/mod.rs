//! Requests to checked values. Every refusal has the error shape and names the field.

mod body;
mod command;
mod field_path;
mod fields;
mod id;
mod query;

pub(crate) use body::JsonBody;
pub(crate) use command::{Command, JsonCommand};
pub(crate) use field_path::FieldPath;
pub(crate) use fields::{Errors, Fields, has_control};
pub(crate) use id::{ArtifactPath, HostPath, JobPath, TaskPath, WorkerPath};
pub(crate) use query::{MAX_LIMIT, Query};
