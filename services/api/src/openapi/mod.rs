//! The OpenAPI document: made from the router's own routes, completed with what all of them share.

#[cfg(feature = "testing")]
pub mod check;
mod complete;
mod operations;

use crate::model::Error;
use crate::router::{groups, of_workers};
use crate::state::Limits;
use utoipa::OpenApi;

/// The version of the API by semver.
pub const API_VERSION: &str = "1.0.0";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Ukai",
        version = "1.0.0",
        description = "A durable fair priority queue that pushes pages to real browsers on machines that you own.\n\nErrors have one shape, `Error`. Times are RFC 3339 in UTC with milliseconds. Fields of answers are always present, and `null` where empty. Unknown members of requests are ignored, `null` counts as absent. Every POST takes an `Idempotency-Key`: a repeat with the same body gives the same answer for 24 hours, another body is 409.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    tags(
        (name = "tasks", description = "Units of work for one worker"),
        (name = "jobs", description = "Named groups of tasks"),
        (name = "queue", description = "The balance of all tasks"),
        (name = "workers", description = "Registered machines"),
        (name = "hosts", description = "Politeness"),
        (name = "events", description = "The log"),
        (name = "artifacts", description = "Files that workers bring"),
        (name = "operations", description = "For monitors and tools")
    ),
    paths(
        operations::healthz, operations::readyz, operations::metrics, operations::openapi_json, operations::docs,
        operations::docs_redirect
    ),
    components(schemas(Error))
)]
struct Base;

/// The document.
#[must_use]
pub fn document() -> utoipa::openapi::OpenApi {
    let mut document = Base::openapi();
    for (role, group) in groups(&Limits::default()) {
        let mut part = group.into_openapi();
        complete::of_role(&mut part, role);
        document.merge(part);
    }
    let mut part = of_workers().into_openapi();
    complete::of_workers(&mut part);
    document.merge(part);
    complete::whole(&mut document);
    document
}

/// The document as it is served.
#[must_use]
pub fn document_json() -> Vec<u8> {
    // A document of strings and numbers always has a JSON form.
    serde_json::to_vec(&document()).unwrap_or_default()
}
