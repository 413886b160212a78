//! What stands in paths. A text that is no UUID names nothing: 404 with the code of its resource.

use crate::error::ApiError;
use crate::state::App;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use ukai_domain::{ArtifactId, Code, JobId, TaskId, WorkerId};
use url::Url;

macro_rules! id_path {
    ($(#[$doc:meta])* $name:ident, $id:ident, $code:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $name(pub(crate) $id);

        impl $name {
            /// The refusal of an id that names nothing.
            pub(crate) fn unknown(id: &str) -> ApiError {
                ApiError::new(Code::$code, format!(concat!("there is no ", $what, " {}"), shorten(id)))
            }
        }

        impl FromRequestParts<App> for $name {
            type Rejection = ApiError;

            async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
                let text = path_text(parts, app).await.unwrap_or_default();
                $id::parse(&text).map(Self).ok_or_else(|| Self::unknown(&text))
            }
        }
    };
}

id_path!(
    /// `/api/tasks/{id}`.
    TaskPath, TaskId, TaskNotFound, "task"
);
id_path!(
    /// `/api/jobs/{id}`.
    JobPath, JobId, JobNotFound, "job"
);
id_path!(
    /// `/api/workers/{id}`.
    WorkerPath, WorkerId, WorkerNotFound, "worker"
);

id_path!(
    /// `/api/artifacts/{id}`.
    ArtifactPath, ArtifactId, NotFound, "artifact"
);

/// `/api/hosts/{host}`: a host as lanes name it, lower case and in its ASCII form.
#[derive(Clone, Debug)]
pub(crate) struct HostPath(pub(crate) String);

impl FromRequestParts<App> for HostPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let text = path_text(parts, app).await.unwrap_or_default();
        host(&text)
            .map(Self)
            .ok_or_else(|| ApiError::field("host", "must be a host name or address without port"))
    }
}

async fn path_text(parts: &mut Parts, app: &App) -> Option<String> {
    Path::<String>::from_request_parts(parts, app).await.ok().map(|Path(text)| text)
}

/// The host, if the text is nothing but a host.
fn host(text: &str) -> Option<String> {
    if text.is_empty() || text.len() > 255 || text.contains(['/', '\\', '?', '#', '@', ' ']) {
        return None;
    }
    let url = Url::parse(&format!("http://{text}/")).ok()?;
    let alone = url.port().is_none() && !text.ends_with(":80") && !text.ends_with(':');
    url.host_str().filter(|_| alone).map(str::to_owned)
}

/// Long nonsense isn't echoed.
fn shorten(id: &str) -> String {
    id.chars().filter(|c| !c.is_control()).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_normalised_and_stand_alone() {
        assert_eq!(host("Shop.Example").as_deref(), Some("shop.example"));
        assert_eq!(host("bücher.example").as_deref(), Some("xn--bcher-kva.example"));
        assert_eq!(host("[::1]").as_deref(), Some("[::1]"));
        for bad in ["", "a:80", "a:8080", "a:", "a/b", "u@h", "a b", "a?b", "[::1", "::1"] {
            assert_eq!(host(bad), None, "{bad}");
        }
    }
}
