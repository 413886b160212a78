//! The secret that the services show each other, checked before a call is read.

use subtle::ConstantTimeEq;
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// Lets calls through that show the token; all of them where there is none. Never printed.
#[derive(Clone)]
pub struct Guard {
    expected: Option<String>,
}

impl Guard {
    /// What callers must show.
    #[must_use]
    pub fn new(token: Option<&str>) -> Self {
        Self { expected: token.map(|token| format!("Bearer {token}")) }
    }
}

impl Interceptor for Guard {
    fn call(&mut self, request: Request<()>) -> Result<Request<()>, Status> {
        let Some(expected) = &self.expected else { return Ok(request) };
        let shown = request.metadata().get("authorization").map(|value| value.as_bytes());
        if shown.is_some_and(|shown| bool::from(shown.ct_eq(expected.as_bytes()))) {
            return Ok(request);
        }
        // Without one of our codes: for an operator's client this is an internal error, not a wrong key of its own.
        Err(Status::unauthenticated(
            "the internal token is missing or differs: UKAI_INTERNAL_TOKEN must be the same",
        ))
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("is_closed", &self.expected.is_some()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_opens_and_nothing_else_does() {
        let mut guard = Guard::new(Some("sixteen characters"));
        for (shown, opens) in [
            (Some("Bearer sixteen characters"), true),
            (Some("Bearer sixteen character"), false),
            (Some("sixteen characters"), false),
            (None, false),
        ] {
            let mut request = Request::new(());
            if let Some(shown) = shown {
                request.metadata_mut().insert("authorization", shown.parse().unwrap());
            }
            assert_eq!(guard.call(request).is_ok(), opens, "{shown:?}");
        }
        assert!(Guard::new(None).call(Request::new(())).is_ok());
        assert!(!format!("{guard:?}").contains("sixteen"));
    }
}
