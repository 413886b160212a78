//! What a file may be, and whether it is.

/// A type of content that is kept and served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// `image/png`.
    Png,
    /// `image/webp`.
    Webp,
    /// `image/jpeg`.
    Jpeg,
    /// `text/html; charset=utf-8`.
    Html,
}

impl ContentType {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Png, Self::Webp, Self::Jpeg, Self::Html];

    /// As it is stored and served.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Jpeg => "image/jpeg",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    /// From a header. Parameters are left out of account, but a charset must be UTF-8.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.split(';').map(|part| part.trim_matches([' ', '\t']).to_ascii_lowercase());
        let essence = parts.next()?;
        let utf8 = parts
            .filter_map(|part| part.strip_prefix("charset=").map(|set| set.trim_matches('"').to_owned()))
            .all(|set| matches!(set.as_str(), "utf-8" | "utf8"));
        let without = |known: &Self| known.as_str().split(';').next() == Some(essence.as_str());
        Self::ALL.into_iter().find(without).filter(|_| utf8)
    }

    /// Whether it is a picture.
    #[must_use]
    pub fn is_picture(self) -> bool {
        match self {
            Self::Png | Self::Webp | Self::Jpeg => true,
            Self::Html => false,
        }
    }

    /// The usual ending of a file's name.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Jpeg => "jpg",
            Self::Html => "html",
        }
    }

    /// Whether `bytes` begin like this type. A picture's decoder has the last word; HTML must be UTF-8 that begins
    /// with a tag, so that no other format passes for it.
    pub(crate) fn fits(self, bytes: &[u8]) -> bool {
        match self {
            Self::Png => bytes.starts_with(b"\x89PNG\r\n\x1a\n"),
            Self::Jpeg => bytes.starts_with(b"\xff\xd8\xff"),
            Self::Webp => bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP"),
            Self::Html => std::str::from_utf8(bytes).is_ok_and(|text| {
                text.trim_start_matches('\u{feff}').trim_start().starts_with('<') && !text.contains('\0')
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ContentType;

    #[test]
    fn reads_headers() {
        for (header, want) in [
            ("image/png", Some(ContentType::Png)),
            ("Image/WebP; q=1", Some(ContentType::Webp)),
            ("text/html", Some(ContentType::Html)),
            ("text/html; Charset=\"UTF-8\"", Some(ContentType::Html)),
            ("text/html; charset=utf-7", None),
            ("image/svg+xml", None),
            ("image/png, text/html", None),
            ("text/html\u{a0}", None),
            ("", None),
        ] {
            assert_eq!(ContentType::parse(header), want, "{header}");
        }
        for known in ContentType::ALL {
            assert_eq!(ContentType::parse(known.as_str()), Some(known));
        }
    }

    #[test]
    fn no_format_passes_for_another() {
        let samples: [(&[u8], Option<ContentType>); 12] = [
            (b"\x89PNG\r\n\x1a\n....", Some(ContentType::Png)),
            (b"\xff\xd8\xff\xe0", Some(ContentType::Jpeg)),
            (b"RIFF\x10\0\0\0WEBPVP8L", Some(ContentType::Webp)),
            (b"RIFF\x10\0\0\0WAVEfmt ", None),
            ("\u{feff} \n<!doctype html><p>ü".as_bytes(), Some(ContentType::Html)),
            (b"<html>\0</html>", None),
            (b"<html>\xff</html>", None),
            (b"GIF89a<script>", None),
            (b"%PDF-1.7", None),
            (b"PK\x03\x04", None),
            (b"MZ", None),
            (b"", None),
        ];
        for (bytes, want) in samples {
            let fits: Vec<_> = ContentType::ALL.into_iter().filter(|kind| kind.fits(bytes)).collect();
            assert_eq!(fits, want.into_iter().collect::<Vec<_>>(), "{bytes:?}");
        }
    }
}
