//! How keeping a file fails, apart where callers act apart.

use std::error::Error;
use std::io;

/// A file that was not kept, or is not there. Nothing of it is left behind.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// More bytes than allowed.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// The most that is taken.
        limit: u64,
    },
    /// A picture of more pixels than allowed.
    #[error("the picture has too many pixels")]
    TooManyPixels,
    /// The content is not of the type that it was sent as.
    #[error("the content is not {said}")]
    WrongType {
        /// The type that it was sent as.
        said: &'static str,
    },
    /// A picture that its decoder refuses.
    #[error("the picture can't be read: {0}")]
    Unreadable(String),
    /// The content has another hash than it was sent with.
    #[error("the content's SHA-256 is another")]
    WrongHash,
    /// Nothing came.
    #[error("the content is empty")]
    Empty,
    /// No such content.
    #[error("there is no such content")]
    Missing,
    /// No room.
    #[error("storage full: {0}")]
    Full(String),
    /// Not reachable, or broken.
    #[error("the artifact store is unavailable: {0}")]
    Unavailable(String),
}

impl From<object_store::Error> for ArtifactError {
    fn from(error: object_store::Error) -> Self {
        if let object_store::Error::NotFound { .. } = error {
            return Self::Missing;
        }
        let text = error.to_string();
        // Storages behind HTTP say it by a status or a code; a disk by its error number.
        if has_no_room(&error) || text.contains("507") || text.contains("StorageFull") {
            return Self::Full(text);
        }
        Self::Unavailable(text)
    }
}

impl From<io::Error> for ArtifactError {
    fn from(error: io::Error) -> Self {
        if is_full(&error) { Self::Full(error.to_string()) } else { Self::Unavailable(error.to_string()) }
    }
}

fn has_no_room(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(is_full) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    )
}

#[cfg(test)]
mod tests {
    use super::ArtifactError;
    use std::io;

    #[test]
    fn a_full_disk_is_told_from_a_broken_one() {
        for (kind, full) in [
            (io::ErrorKind::StorageFull, true),
            (io::ErrorKind::QuotaExceeded, true),
            (io::ErrorKind::PermissionDenied, false),
        ] {
            let generic =
                object_store::Error::Generic { store: "test", source: Box::new(io::Error::from(kind)) };
            assert_eq!(matches!(ArtifactError::from(generic), ArtifactError::Full(_)), full, "{kind}");
            let plain = ArtifactError::from(io::Error::from(kind));
            assert_eq!(matches!(plain, ArtifactError::Full(_)), full, "{kind}");
        }
    }
}
