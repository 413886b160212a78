//! The middleware in front of every route that isn't open.

use super::Principal;
use crate::error::ApiError;
use crate::state::App;
use crate::traced;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use ukai_domain::Code;
use ukai_store::KeyRole;

/// What a group of routes asks for.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) app: App,
    pub(crate) role: KeyRole,
}

/// Lets requests through whose key has the role, before their body is read.
pub(crate) async fn guard(
    State(Guard { app, role }): State<Guard>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let principal: Principal = app.authenticator.authenticate(request.headers()).await?;
    if principal.role < role {
        let message =
            format!("this needs the role {}, the key is of a {}", role.as_str(), principal.role.as_str());
        return Err(ApiError::new(Code::Forbidden, message));
    }
    request.extensions_mut().insert(principal);
    let mut response = traced::run(&app.tracer, request, next).await;
    // Answers hold tokens and foreign text: nobody in between keeps them or guesses what they are. What never
    // changes says so itself.
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(no_store);
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    Ok(response)
}
