//! All routes, by the role that they ask for.

use crate::auth::{Guard, guard};
use crate::error::{method_not_allowed, not_found, panicked, render};
use crate::openapi;
use crate::state::{ApiState, App, AppState, Limits};
use crate::{artifacts, events, hosts, jobs, metrics, queue, tasks, workers};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header;
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use ukai_store::KeyRole;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// The whole REST side with its errors, metrics and reference page.
///
/// It has a fallback for unknown paths; a composer with a fallback of its own calls `reset_fallback` first.
pub fn router(state: ApiState) -> Router {
    let (app, health) = AppState::new(state);
    let mut router = Router::new();
    for (role, group) in groups(&app.limits) {
        let guard_of_role = from_fn_with_state(Guard { app: Arc::clone(&app), role }, guard);
        router = router.merge(group.split_for_parts().0.route_layer(guard_of_role));
    }
    router = router.merge(of_workers().split_for_parts().0).merge(reference());
    if let Some(health) = health {
        let (open, metrics) = ukai_boot::health_routes(health);
        let viewer = Guard { app: Arc::clone(&app), role: KeyRole::Viewer };
        let metrics = metrics.route_layer(from_fn_with_state(viewer, guard));
        router = router.merge(open.with_state(())).merge(metrics.with_state(()));
    }
    router
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn_with_state(Arc::clone(&app), render))
        .layer(from_fn_with_state(Arc::clone(&app), metrics::observe))
        .with_state(app)
}

/// Every documented action under the role that it needs.
pub(crate) fn groups(limits: &Limits) -> [(KeyRole, OpenApiRouter<App>); 3] {
    let body = DefaultBodyLimit::max(limits.body);
    let batch = DefaultBodyLimit::max(limits.batch_body);
    let viewer = OpenApiRouter::default()
        .routes(routes!(tasks::list::list_tasks))
        .routes(routes!(tasks::show::get_task))
        .routes(routes!(tasks::why::explain_task))
        .routes(routes!(queue::get_queue))
        .routes(routes!(jobs::list::list_jobs))
        .routes(routes!(jobs::show::get_job))
        .routes(routes!(jobs::events::list_job_events))
        .routes(routes!(events::list_events))
        .routes(routes!(workers::list::list_workers))
        .routes(routes!(workers::show::get_worker))
        .routes(routes!(hosts::show::get_host))
        .routes(routes!(artifacts::list::list_task_artifacts))
        .routes(routes!(artifacts::download::get_artifact))
        .routes(routes!(artifacts::thumbnail::get_artifact_thumbnail));
    let operator = OpenApiRouter::default()
        .routes(routes!(tasks::create::create_task))
        .routes(routes!(tasks::cancel::cancel_task))
        .routes(routes!(tasks::retry::retry_task))
        .routes(routes!(jobs::create::create_job))
        .routes(routes!(jobs::control::delete_job))
        .routes(routes!(jobs::control::pause_job))
        .routes(routes!(jobs::control::resume_job))
        .routes(routes!(jobs::control::cancel_job))
        .routes(routes!(workers::screenshot::screenshot_worker))
        .layer(body)
        .routes(routes!(tasks::batch::create_tasks).layer(batch));
    let admin = OpenApiRouter::default()
        .routes(routes!(workers::create::create_worker))
        .routes(routes!(workers::delete::delete_worker))
        .routes(routes!(workers::reset::reset_worker))
        .routes(routes!(workers::configure::configure_worker))
        .routes(routes!(hosts::set::set_host))
        .layer(body);
    [(KeyRole::Viewer, viewer), (KeyRole::Operator, operator), (KeyRole::Admin, admin)]
}

/// What workers call: each action asks for a worker's token itself, before it reads a body.
pub(crate) fn of_workers() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(artifacts::upload::upload_artifact))
}

/// The document and its reading page; open to everybody, from files in this binary.
fn reference() -> Router<App> {
    let document = axum::body::Bytes::from(openapi::document_json());
    let document = get(move || async move { ([(header::CONTENT_TYPE, "application/json")], document) });
    let page: Router<App> = SwaggerUi::new("/api/docs").config(Config::from("/api/openapi.json")).into();
    Router::new()
        .route("/api/openapi.json", document)
        .route("/docs", get(|| async { Redirect::temporary("/api/docs") }))
        .merge(page.layer(map_response(error_shape)))
}

/// Unknown files of the page fail like everything else.
async fn error_shape(response: Response) -> Response {
    if response.status() == axum::http::StatusCode::NOT_FOUND {
        return not_found().await.into_response();
    }
    response
}
