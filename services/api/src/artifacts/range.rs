//! `Range` of RFC 9110, as far as one range of bytes goes. Pure.

use std::ops::Range;

/// What a request asks for of `size` bytes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All; also where the header can't be read or names several parts.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// Bytes that aren't there.
    Outside,
}

/// `header` is the text of `Range`.
pub(super) fn asked(header: Option<&str>, size: u64) -> Asked {
    let Some(range) = header.and_then(|header| header.trim().strip_prefix("bytes=")) else {
        return Asked::Whole;
    };
    let Some((first, last)) = range.split_once('-') else { return Asked::Whole };
    let number = |text: &str| {
        let text = text.trim();
        (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()))
            .then(|| text.parse().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        // A part behind the end, or of nothing.
        (Some(first), Some(last)) if first > last => Asked::Whole,
        (Some(first), _) if first >= size && (last.trim().is_empty() || number(last).is_some()) => {
            Asked::Outside
        }
        (Some(first), Some(last)) => Asked::Part(first..last.saturating_add(1).min(size)),
        (Some(first), None) if last.trim().is_empty() => Asked::Part(first..size),
        (None, Some(0)) if first.trim().is_empty() => Asked::Outside,
        (None, Some(_)) if first.trim().is_empty() && size == 0 => Asked::Outside,
        (None, Some(end)) if first.trim().is_empty() => Asked::Part(size.saturating_sub(end)..size),
        _ => Asked::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, asked};

    #[test]
    fn one_range_of_bytes() {
        let part = Asked::Part;
        for (header, want) in [
            ("bytes=0-0", part(0..1)),
            ("bytes=0-99", part(0..100)),
            ("bytes=0-100", part(0..100)),
            ("bytes=5-", part(5..100)),
            ("bytes=-5", part(95..100)),
            ("bytes=-500", part(0..100)),
            ("bytes=99-99999999999999999999999", part(99..100)),
            ("bytes=100-", Asked::Outside),
            ("bytes=100-200", Asked::Outside),
            ("bytes=99999999999999999999999-", Asked::Outside),
            ("bytes=-0", Asked::Outside),
            ("bytes=9-5", Asked::Whole),
            ("bytes=0-1,5-6", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=1-b", Asked::Whole),
            ("bytes=+1-5", Asked::Whole),
            ("items=0-5", Asked::Whole),
            ("", Asked::Whole),
        ] {
            assert_eq!(asked(Some(header), 100), want, "{header}");
        }
        assert_eq!(asked(None, 100), Asked::Whole);
        assert_eq!(asked(Some("bytes=-5"), 0), Asked::Outside);
    }
}
