//! Bytes to text, for pages that come from a file or straight from the network.

use encoding_rs::{Encoding, UTF_8};

/// How far into a page its charset is looked for. Some declare it after kilobytes of blank lines.
const SEARCHED: usize = 64 << 10;

/// Decodes a page by its byte order mark, the `Content-Type` header, its `meta` charset, else as UTF-8, and
/// as Windows-1252 where that fails. Never fails: what can't be decoded becomes U+FFFD.
pub fn decode_page(bytes: &[u8], content_type: Option<&str>) -> String {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0.into_owned();
    }
    // Text that reads as UTF-8 with letters beyond ASCII is UTF-8: saved pages keep their old declaration.
    if let Ok(text) = std::str::from_utf8(bytes)
        && !text.is_ascii()
    {
        return text.to_owned();
    }
    let declared = content_type
        .and_then(|value| label(value.as_bytes()))
        .or_else(|| label(&bytes[..bytes.len().min(SEARCHED)]));
    match declared {
        Some(encoding) if encoding != UTF_8 => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            // A page that says UTF-8 and isn't quite keeps its good parts.
            Err(error) if declared.is_some() || error.valid_up_to() > 4_096 => {
                String::from_utf8_lossy(bytes).into_owned()
            }
            Err(_) => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
        },
    }
}

/// The encoding named behind the first `charset=`.
fn label(bytes: &[u8]) -> Option<&'static Encoding> {
    let needle = b"charset=";
    let at =
        bytes.windows(needle.len()).position(|window| window.eq_ignore_ascii_case(needle))? + needle.len();
    let rest = bytes.get(at..bytes.len().min(at + 40))?;
    let name: Vec<u8> = rest
        .iter()
        .copied()
        .skip_while(|c| matches!(c, b'"' | b'\'' | b' '))
        .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b':'))
        .collect();
    // UTF-16 can't be: the declaration was just read byte by byte.
    Encoding::for_label(&name).map(|encoding| encoding.output_encoding())
}

#[cfg(test)]
mod tests {
    use super::decode_page;

    #[test]
    fn declared_charsets_are_followed() {
        assert_eq!(
            decode_page(b"<meta charset='Shift_JIS'>\x83\x65\x83\x58\x83\x67", None),
            "<meta charset='Shift_JIS'>テスト"
        );
        assert_eq!(decode_page(b"caf\xe9", Some("text/html; charset=iso-8859-1")), "café");
        assert_eq!(decode_page("<meta charset=gb2312>电".as_bytes(), None), "<meta charset=gb2312>电");
        assert_eq!(decode_page(b"\xef\xbb\xbfcaf\xc3\xa9", None), "café");
        assert_eq!(decode_page("café".as_bytes(), None), "café");
        assert_eq!(decode_page(b"caf\xe9", None), "café");
    }
}
