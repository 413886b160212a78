//! Exit codes: how a command that didn't succeed tells a program why.

use std::process::ExitCode;

use crate::client::ApiError;

/// What `ukai --help` says about exit codes.
pub(crate) const HELP: &str = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the data folder is in use, \
4 not found, 5 server unreachable, 6 key refused, 130 interrupted.";

/// The end of a command that didn't do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// It went wrong: 1.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { code: 1, message: message.into() }
    }

    /// It can't be asked like this: 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// Another process holds the data folder: 3.
    pub(crate) fn locked(message: impl Into<String>) -> Self {
        Self { code: 3, message: message.into() }
    }

    /// Ctrl-C or SIGTERM: 130.
    pub(crate) fn interrupted() -> Self {
        Self { code: 130, message: "interrupted".to_owned() }
    }

    /// For people.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// For the system.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        let code = match &error {
            ApiError::Unreachable { .. } => 5,
            ApiError::Refused { status: 401 | 403, .. } => 6,
            ApiError::Refused { status: 404, .. } => 4,
            ApiError::Refused { .. } | ApiError::Unreadable { .. } => 1,
        };
        let hint = match code {
            5 => " (is `ukai up` running there? --url or UKAI_URL names another address)",
            6 => " (--key or UKAI_KEY gives the key that `ukai up` printed at its first start)",
            _ => "",
        };
        Self { code, message: format!("{error}{hint}") }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        if let Some(ukai_store::StoreError::Locked(holder)) = error.downcast_ref() {
            return Self::locked(holder.clone());
        }
        if let Some(usage) = error.downcast_ref::<ukai_boot::Usage>() {
            return usage.clone().into();
        }
        if error.is::<ukai_worker::Refused>() {
            return Self {
                code: 6,
                message: format!("{error:#} (`ukai worker-token create NAME` makes a token)"),
            };
        }
        Self::failed(format!("{error:#}"))
    }
}

impl From<ukai_boot::Usage> for Failure {
    fn from(usage: ukai_boot::Usage) -> Self {
        Self::usage(usage.0)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::failed(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::Failure;
    use crate::client::ApiError;

    #[test]
    fn tells_the_kinds_of_failure_apart() {
        let refused = |status| ApiError::Refused {
            status,
            code: "X".to_owned(),
            message: "no".to_owned(),
            details: Vec::new(),
        };
        let unreachable =
            ApiError::Unreachable { url: "http://h".to_owned(), reason: "connection refused".to_owned() };
        for (error, code) in
            [(refused(404), 4), (refused(401), 6), (refused(403), 6), (refused(409), 1), (unreachable, 5)]
        {
            assert_eq!(Failure::from(error).code, code);
        }
        let locked = anyhow::Error::new(ukai_store::StoreError::Locked("held by process 7".to_owned()));
        assert_eq!(Failure::from(locked.context("can't start")).code, 3);
        let refused = anyhow::Error::new(ukai_worker::Refused("the token was revoked".to_owned()));
        assert_eq!(Failure::from(refused).code, 6);
    }
}
