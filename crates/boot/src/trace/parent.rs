//! `traceparent`, the text by which a place in a trace travels (W3C Trace Context, level 1).

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use std::sync::Arc;

/// The header of requests, calls and messages.
pub const HEADER: &str = "traceparent";

/// A place in a sampled trace, as text.
pub type Traceparent = Arc<str>;

/// The length of version 00: `00-<32 hex>-<16 hex>-<2 hex>`.
const LENGTH: usize = 55;

/// Whether the text is a `traceparent` whose sender records it.
#[must_use]
pub fn is_sampled(text: &str) -> bool {
    read(text).is_some_and(|context| context.is_sampled())
}

/// Whether both are places in one trace.
pub(super) fn is_same_trace(one: &str, other: &str) -> bool {
    one.get(3..35).is_some() && one.get(3..35) == other.get(3..35)
}

/// Reads a `traceparent`. Versions to come may be longer; what is behind their first four fields is left out.
pub(super) fn read(text: &str) -> Option<SpanContext> {
    let bytes = text.as_bytes();
    let fits = match bytes.get(..2)? {
        b"ff" => false,
        b"00" => bytes.len() == LENGTH,
        _ => bytes.len() == LENGTH || bytes.get(LENGTH) == Some(&b'-'),
    };
    if !fits || !text.is_char_boundary(LENGTH) {
        return None;
    }
    let mut fields = text[..LENGTH].split('-');
    let mut field = |length: usize| {
        fields.next().filter(|field| {
            let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            field.len() == length && field.bytes().all(is_hex)
        })
    };
    let (_version, trace, span, flags) = (field(2)?, field(32)?, field(16)?, field(2)?);
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1;
    let context = SpanContext::new(trace, span, TraceFlags::new(sampled), true, TraceState::default());
    context.is_valid().then_some(context)
}

/// The inverse.
pub(super) fn write(context: &SpanContext) -> Traceparent {
    let flags = context.trace_flags().to_u8();
    format!("00-{}-{}-{flags:02x}", context.trace_id(), context.span_id()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn what_is_read_is_written_again() {
        let text = format!("00-{TRACE}-{SPAN}-01");
        let context = read(&text).unwrap();
        assert!(context.is_sampled() && context.is_remote());
        assert_eq!(&*write(&context), text);
        assert!(is_sampled(&text));
        assert!(!is_sampled(&format!("00-{TRACE}-{SPAN}-00")));
        assert!(is_sampled(&format!("cc-{TRACE}-{SPAN}-03-what-comes-later")), "of a later version");
    }

    #[test]
    fn anything_else_is_none() {
        let zeros = "0".repeat(32);
        for bad in [
            String::new(),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("cc-{TRACE}-{SPAN}-01more"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{zeros}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}é-{SPAN}-01", &TRACE[..30]),
            format!("00-{}-{SPAN}-+1", TRACE),
            "é".repeat(28),
        ] {
            assert_eq!(read(&bad), None, "{bad}");
        }
    }
}
