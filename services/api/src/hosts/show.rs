//! `GET /api/hosts/{host}`.

use crate::error::ApiError;
use crate::extract::HostPath;
use crate::model::{Error, Host};
use crate::scheduler::view;
use crate::state::App;
use axum::Json;
use axum::extract::State;
use ukai_domain::scheduler::HostView;
use ukai_rpc::v1;

/// How politely a host is asked. A host that nobody set is unlimited.
#[utoipa::path(get, path = "/api/hosts/{host}", tag = "hosts", operation_id = "getHost",
    params(("host" = String, Path, description = "Host name or address without port", example = "shop.example")),
    responses(
        (status = 200, description = "The host", body = Host),
        (status = 400, description = "`INVALID_PAYLOAD`", body = Error),
    ))]
pub(crate) async fn get_host(
    State(app): State<App>,
    HostPath(host): HostPath,
) -> Result<Json<Host>, ApiError> {
    let response = app
        .call(|mut scheduler| async move { scheduler.get_host(v1::GetHostRequest { host }).await })
        .await?;
    view::<HostView>(&response.host).map(|host| Json(host.into()))
}
