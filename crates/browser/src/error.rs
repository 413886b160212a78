//! What can go wrong with the browser and with a page.

use std::{io, time::Duration};

/// Why Chromium could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// No binary was found.
    #[error(
        "no Chromium found; install chromium-headless-shell (Debian) or Google Chrome, or name the binary"
    )]
    NotFound,
    /// A visible window was asked for where none is possible.
    #[error("a visible browser is not possible: {0}")]
    NoWindow(&'static str),
    /// This process is root and the account to run as does not exist, or is root too.
    #[error("as root, Chromium needs an existing unprivileged account to run as, and {0:?} is none")]
    User(String),
    /// A target that is to be allowed is no `host:port`.
    #[error("{0:?} is no HOST:PORT that can be allowed")]
    Target(String),
    /// The kernel or the container denies what the sandbox needs.
    #[error(
        "Chromium's sandbox can't work here: allow unprivileged user namespaces, or install chromium-sandbox"
    )]
    NoSandbox,
    /// The process ended before it answered.
    #[error("Chromium ended at once: {0}")]
    Exited(String),
    /// The process did not answer in time.
    #[error("Chromium did not answer within {0:?}")]
    Timeout(Duration),
    /// The process could not be started or its profile folder not made.
    #[error("{0}")]
    Io(&'static str, #[source] io::Error),
    /// The DevTools connection failed.
    #[error("the DevTools connection failed: {0}")]
    Protocol(String),
}

/// Why a page could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// Name resolution, connection, TLS or the transfer failed; Chromium's own word for it.
    #[error("the page could not be loaded: {0}")]
    Network(String),
    /// The page did not come within its time.
    #[error("the page did not come within {0:?}")]
    Timeout(Duration),
    /// The page or the browser crashed, or could not be talked to any more.
    #[error("the browser broke: {0}")]
    Crashed(String),
    /// The document is larger than allowed.
    #[error("the document is larger than {limit} bytes")]
    TooLarge {
        /// The bound that it broke.
        limit: usize,
    },
    /// The target is not allowed.
    #[error("the target is not allowed: {0}")]
    Refused(String),
    /// There is no browser.
    #[error("no browser")]
    Unavailable(#[from] LaunchError),
}

/// The kinds of [`PageError`], for reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// [`PageError::Network`]
    Network,
    /// [`PageError::Timeout`]
    Timeout,
    /// [`PageError::Crashed`]
    Crashed,
    /// [`PageError::TooLarge`]
    TooLarge,
    /// [`PageError::Refused`]
    Refused,
    /// [`PageError::Unavailable`]
    Unavailable,
}

impl PageError {
    /// The kind, without the words.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        match self {
            Self::Network(_) => ErrorKind::Network,
            Self::Timeout(_) => ErrorKind::Timeout,
            Self::Crashed(_) => ErrorKind::Crashed,
            Self::TooLarge { .. } => ErrorKind::TooLarge,
            Self::Refused(_) => ErrorKind::Refused,
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }
}

impl ErrorKind {
    /// `NETWORK`, `TIMEOUT`, `CRASHED`, `TOO_LARGE`, `REFUSED`, `UNAVAILABLE`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Network => "NETWORK",
            Self::Timeout => "TIMEOUT",
            Self::Crashed => "CRASHED",
            Self::TooLarge => "TOO_LARGE",
            Self::Refused => "REFUSED",
            Self::Unavailable => "UNAVAILABLE",
        }
    }
}
