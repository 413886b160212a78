//! What is read out of a page: its size, its document, a picture.

use std::{sync::Arc, time::Duration};

use chromiumoxide::{
    Page,
    cdp::{
        browser_protocol::{
            network::{GetResponseBodyParams, RequestId},
            page::{CaptureScreenshotFormat, CaptureScreenshotParams, GetLayoutMetricsParams, Viewport},
        },
        js_protocol::runtime::{EvaluateParams, TimeDelta},
    },
};
use serde_json::Value;

use crate::{PageError, PictureFormat, Screenshot, instance::Instance};

/// One expression for everything that tells whether a page still changes, and how large it is. Lengths and not the text
/// itself, so that a ticking clock or a countdown does not keep a page from ever coming to rest. Where all scripts are
/// data and nothing else could change the page, their number follows, else -1; and then a small document itself.
const PROBE: &str = "(() => { const d = document, r = d.documentElement; \
    if (!r) return [0, 0, 0, '', location.href, -1, false, null]; \
    const all = d.getElementsByTagName('*').length, whole = r.outerHTML, t = d.doctype; \
    const moving = () => [...d.getElementsByTagName('script')].some(s => \
          !/json|template|html|speculationrules|importmap/i.test(s.getAttribute('type') || '')) || \
        d.querySelector('iframe,frame,object,embed,portal,meta[http-equiv=refresh i]') || \
        d.evaluate('//@*[starts-with(name(),\"on\")]', d, null, 9, null).singleNodeValue; \
    const inert = d.readyState != 'loading' && all <= 20000 && !moving(); \
    return [all, r.textContent.length, whole.length, d.title, location.href, \
        inert ? d.getElementsByTagName('script').length : -1, d.readyState == 'complete', \
        inert && whole.length < 1e6 ? (t ? new XMLSerializer().serializeToString(t) + '\\n' : '') + whole : null]; })()";

const DOCUMENT: &str = "(() => { const t = document.doctype; const r = document.documentElement; \
                        return (t ? new XMLSerializer().serializeToString(t) + '\\n' : '') + (r ? r.outerHTML : ''); })()";

/// What a page looked like at one moment; equal probes mean that nothing happened in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Probe {
    pub(crate) html_length: usize,
    pub(crate) url: String,
    /// Nothing in the page could change it any more; how many scripts it holds, all of them data.
    pub(crate) inert: Option<usize>,
    /// Whether its pictures have come too.
    pub(crate) complete: bool,
    /// The document, where it is small and inert.
    pub(crate) document: Option<String>,
    signature: Value,
}

/// Looks at the page.
pub(crate) async fn probe(
    instance: &Arc<Instance>,
    page: &Page,
    limit: Duration,
) -> Result<Probe, PageError> {
    let mut signature = evaluate(instance, page, PROBE, limit).await?;
    let document = match signature.as_array_mut().and_then(Vec::pop) {
        Some(Value::String(document)) => Some(document),
        _ => None,
    };
    let length = signature.get(2).and_then(Value::as_u64).unwrap_or(0);
    Ok(Probe {
        html_length: usize::try_from(length).unwrap_or(usize::MAX),
        url: signature.get(4).and_then(Value::as_str).unwrap_or_default().to_owned(),
        complete: signature.get(6).and_then(Value::as_bool).unwrap_or(false),
        inert: signature.get(5).and_then(Value::as_u64).and_then(|scripts| usize::try_from(scripts).ok()),
        document,
        signature,
    })
}

/// How many scripts the document had as it was served: a script may have removed itself.
pub(crate) async fn served_scripts(
    instance: &Arc<Instance>,
    page: &Page,
    request: &str,
    limit: Duration,
) -> Result<usize, PageError> {
    let body = GetResponseBodyParams::new(RequestId::new(request));
    let served = instance.call(limit, page.execute(body)).await?.result;
    if served.base64_encoded {
        return Ok(usize::MAX);
    }
    let bytes = served.body.as_bytes();
    Ok(bytes.windows(7).filter(|window| window.eq_ignore_ascii_case(b"<script")).count())
}

/// The document as it stands; its size must have been checked before.
pub(crate) async fn document(
    instance: &Arc<Instance>,
    page: &Page,
    limit: Duration,
) -> Result<String, PageError> {
    match evaluate(instance, page, DOCUMENT, limit).await? {
        Value::String(html) => Ok(html),
        _ => Err(PageError::Crashed("the page's document can't be read".to_owned())),
    }
}

async fn evaluate(
    instance: &Arc<Instance>,
    page: &Page,
    expression: &str,
    limit: Duration,
) -> Result<Value, PageError> {
    let inner = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
    let evaluate = EvaluateParams::builder()
        .expression(expression)
        .return_by_value(true)
        .timeout(TimeDelta::new(f64::from(inner)))
        .build()
        .map_err(PageError::Crashed)?;
    let returned = instance.call(limit + Duration::from_millis(500), page.execute(evaluate)).await?.result;
    if let Some(exception) = returned.exception_details {
        return Err(PageError::Crashed(format!("the page could not be read: {}", exception.text)));
    }
    Ok(returned.result.value.unwrap_or(Value::Null))
}

/// Of a WebP, of 100.
const WEBP_QUALITY: i64 = 85;
/// The widest picture, in CSS pixels.
const MOST_WIDTH: f64 = 4_000.0;

/// A picture of the page or of an element, cut at the height that was asked for.
pub(crate) async fn picture(
    instance: &Arc<Instance>,
    page: &Page,
    wish: &Screenshot,
    limit: Duration,
) -> Result<Vec<u8>, PageError> {
    let (format, quality) = match wish.format {
        PictureFormat::Png => (CaptureScreenshotFormat::Png, None),
        PictureFormat::Webp => (CaptureScreenshotFormat::Webp, Some(WEBP_QUALITY)),
    };
    let mut capture =
        CaptureScreenshotParams { format: Some(format), quality, ..CaptureScreenshotParams::default() };
    if let Some(selector) = &wish.selector {
        capture.clip = Some(element(instance, page, selector, wish.max_height, limit).await?);
        capture.capture_beyond_viewport = Some(true);
    } else if wish.max_height > 0 {
        let size = instance
            .call(limit, page.execute(GetLayoutMetricsParams::default()))
            .await?
            .result
            .css_content_size;
        let height = size.height.min(f64::from(wish.max_height)).max(1.0);
        capture.clip =
            Some(Viewport { x: 0.0, y: 0.0, width: size.width.clamp(1.0, MOST_WIDTH), height, scale: 1.0 });
        capture.capture_beyond_viewport = Some(true);
    }
    let shot = instance.call(limit, page.execute(capture)).await?.result.data;
    let encoded: &[u8] = shot.as_ref();
    decode_base64(encoded).ok_or_else(|| PageError::Crashed("a screenshot that is no base64".to_owned()))
}

/// Where the first element that `selector` finds lies on the page.
async fn element(
    instance: &Arc<Instance>,
    page: &Page,
    selector: &str,
    max_height: u32,
    limit: Duration,
) -> Result<Viewport, PageError> {
    // As JSON a text is a literal of the page's language.
    let expression = format!(
        "(() => {{ try {{ const e = document.querySelector({}); if (!e) return 'it finds nothing'; \
         const r = e.getBoundingClientRect(); \
         return [r.x + scrollX, r.y + scrollY, r.width, r.height, innerHeight]; }} catch (e) {{ return 'it is none'; }} }})()",
        Value::String(selector.to_owned())
    );
    let found = evaluate(instance, page, &expression, limit).await?;
    let number = |at: usize| found.get(at).and_then(Value::as_f64).filter(|n| n.is_finite());
    let (Some(x), Some(y), Some(width), Some(height), Some(window)) =
        (number(0), number(1), number(2), number(3), number(4))
    else {
        let why = found.as_str().unwrap_or("the page can't say where it is");
        return Err(PageError::Crashed(format!("no picture by the selector {selector:?}: {why}")));
    };
    if width < 1.0 || height < 1.0 {
        return Err(PageError::Crashed(format!(
            "no picture by the selector {selector:?}: what it finds has no size"
        )));
    }
    let tallest = if max_height > 0 { f64::from(max_height) } else { window.max(1.0) };
    let (x, y) = (x.max(0.0), y.max(0.0));
    Ok(Viewport { x, y, width: width.min(MOST_WIDTH), height: height.min(tallest), scale: 1.0 })
}

/// Standard base64 with padding, as DevTools sends it.
fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut held) = (0_u32, 0_u32);
    for byte in text.iter().filter(|byte| **byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push(u8::try_from((bits >> held) & 0xff).ok()?);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::decode_base64;

    #[test]
    fn decodes_base64() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmE=", "fooba")]
        {
            assert_eq!(decode_base64(text.as_bytes()).unwrap(), bytes.as_bytes());
        }
        assert_eq!(decode_base64(b"+/8="), Some(vec![0xfb, 0xff]));
        assert_eq!(decode_base64(b"Z*=="), None);
    }
}
