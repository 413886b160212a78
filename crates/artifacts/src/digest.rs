//! The name of a content: its SHA-256.

use object_store::path::Path;
use std::fmt;

/// A SHA-256; as text 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256(pub [u8; 32]);

impl Sha256 {
    /// Of all of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest;
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// From its text; `None` for anything but 64 lower-case hex digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let lower = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        (lower && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(Self(bytes))
    }

    /// Where the content lies below the store's root: two levels of folders, so that none gets too full.
    pub(crate) fn path(&self) -> Path {
        let text = self.to_string();
        Path::from_iter(["sha256", &text[..2], &text[2..4], &text])
    }

    /// The inverse of [`Sha256::path`], below any prefix.
    pub(crate) fn of_path(path: &Path) -> Option<Self> {
        Self::parse(path.filename()?)
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Sha256;

    #[test]
    fn only_a_hash_is_a_name() {
        let hash = Sha256::of(b"abc");
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hash.to_string(), text);
        assert_eq!(Sha256::parse(text), Some(hash));
        assert_eq!(hash.path().as_ref(), format!("sha256/ba/78/{text}"));
        assert_eq!(Sha256::of_path(&hash.path()), Some(hash));
        let upper = text.to_uppercase();
        let long = format!("{text}00");
        for wrong in ["", "../../etc/passwd", &text[1..], &upper, &long, &text.replace('b', "/")] {
            assert_eq!(Sha256::parse(wrong), None, "{wrong}");
        }
    }
}
