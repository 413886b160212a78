//! What kind of answer a page is: by markers of known obstacles, by status, by words and shape.
//!
//! A page with content is never called an obstacle because of a word in it: markers are elements and addresses
//! that only obstacles have, and words count only on pages that hold little else.

mod markers;
mod phrases;

use crate::context::Context;
use crate::extraction::{Page, Verdict};
use crate::html::{Document, Selector, visible_text};

/// A page with more text than this is no obstacle, unless an element of one stands in it.
const SHORT: usize = 2_500;
/// A page with less text than this (and nothing else) is empty.
const TINY: usize = 12;

/// So much of a page's text is compared with phrases.
const LOWERED: usize = 8_000;

/// A decision, and the reason for it.
pub(crate) type Decision = (Verdict, String);

/// What the page offers apart from words.
pub(crate) struct Shape {
    /// The title, in small letters.
    pub(crate) title: String,
    /// Title and first headings, in small letters.
    pub(crate) heading: String,
    /// The first part of the text in small letters, with plain apostrophes.
    pub(crate) lower: String,
    /// Characters of the visible text.
    pub(crate) length: usize,
    /// A product, an article, a list: something that a site describes.
    pub(crate) described: bool,
}

impl Shape {
    pub(crate) fn of(context: &Context<'_>, described: bool) -> Self {
        let document = &context.document;
        let text = visible_text(document);
        let mut heading = context.meta.title.clone();
        for name in ["h1", "h2"] {
            for id in document.named(name).iter().take(3) {
                heading.push('\n');
                heading.push_str(&document.text_up_to(*id, 200));
            }
        }
        let plain = |text: &str| text.to_lowercase().replace('’', "'");
        let lower = plain(&text.chars().take(LOWERED).collect::<String>());
        Shape {
            length: text.chars().count(),
            title: plain(&context.meta.title),
            heading: plain(&heading),
            described,
            lower,
        }
    }
}

/// The obstacle that the page is; `None` where it is none.
pub(crate) fn obstacle(context: &Context<'_>, page: &Page<'_>, shape: &Shape) -> Option<Decision> {
    let document = &context.document;
    if let Some(decision) = by_header(page) {
        return Some(decision);
    }
    if let Some(decision) = markers::find(document, page.html, shape) {
        return Some(decision);
    }
    let status = page.status.unwrap_or(200);
    match status {
        404 | 410 => return Some((Verdict::NotFound, format!("status {status}"))),
        429 | 503 | 509 | 529 => return Some((Verdict::Throttled, format!("status {status}"))),
        _ => {}
    }
    let words = if shape.described { None } else { titled_not_found(shape).or_else(|| phrases::find(shape)) };
    if let Some(decision) = words {
        return Some(decision);
    }
    if !shape.described {
        if let Some(decision) = log_in(document, shape) {
            return Some(decision);
        }
        if let Some(decision) = not_found(document, shape) {
            return Some(decision);
        }
    }
    match status {
        401 | 403 | 405 | 406 | 407 | 444 | 451 if !shape.described => {
            Some((Verdict::Blocked, format!("status {status}")))
        }
        500 | 502 | 504 | 520..=527 => Some((Verdict::Throttled, format!("status {status}"))),
        400..=499 if !shape.described && shape.length < SHORT => {
            Some((Verdict::Blocked, format!("status {status}")))
        }
        _ => None,
    }
}

/// Whether a page without a record holds nothing at all.
pub(crate) fn is_empty(context: &Context<'_>, shape: &Shape) -> bool {
    let described =
        context.meta.first(&["og:title", "og:description", "description", "twitter:title"]).is_some();
    let pictures = context.document.named("img").len()
        + context.document.named("video").len()
        + context.document.named("svg").len();
    !shape.described && !described && shape.length < TINY && pictures == 0
}

/// Some guards say in a header what they did.
fn by_header(page: &Page<'_>) -> Option<Decision> {
    let header = |name: &str| {
        page.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_ascii_lowercase())
    };
    if header("cf-mitigated").is_some_and(|value| value.contains("challenge")) {
        return Some((Verdict::Captcha, "header cf-mitigated".to_owned()));
    }
    if header("x-amzn-waf-action")
        .is_some_and(|value| value.contains("captcha") || value.contains("challenge"))
    {
        return Some((Verdict::Captcha, "header x-amzn-waf-action".to_owned()));
    }
    None
}

/// A form for name and password where there is nothing else to read.
fn log_in(document: &Document<'_>, shape: &Shape) -> Option<Decision> {
    let password = Selector::fixed("input[type=password]");
    let entry = Selector::fixed(
        "input[type=password], input[type=email], input[name=email], input[name=username], input[name=login]",
    );
    let says = phrases::LOG_IN.iter().find(|words| holds_word(&shape.heading, words));
    let has_password = document.first(Document::ROOT, &password).is_some();
    // Many a front page has a log-in form in its head: then its title speaks of something else.
    let in_title = phrases::LOG_IN.iter().find(|words| holds_word(&shape.title, words));
    if has_password {
        let words =
            in_title.filter(|_| shape.length <= 4_000).or_else(|| says.filter(|_| shape.length < 1_200));
        if let Some(words) = words {
            return Some((Verdict::LoginWall, format!("a password field under `{words}`")));
        }
        if shape.length < 600 {
            return Some((Verdict::LoginWall, "a password field and little else".to_owned()));
        }
    }
    if let Some(words) = in_title.filter(|_| shape.length < 700) {
        return Some((Verdict::LoginWall, format!("title `{words}` and little else")));
    }
    if shape.length < SHORT {
        let text = &shape.lower;
        // In a thread of a forum the words mean the right to answer, not to read.
        let few = shape.length < 1_000;
        let says_so = |words: &&&str| shape.heading.contains(**words) || (few && text.contains(**words));
        if let Some(words) = phrases::MUST_LOG_IN.iter().find(says_so) {
            return Some((Verdict::LoginWall, format!("`{words}`")));
        }
        if says.is_some() && shape.length < 1_200 && document.first(Document::ROOT, &entry).is_some() {
            return Some((Verdict::LoginWall, "a log-in form and little else".to_owned()));
        }
    }
    None
}

/// Whether the text holds the words, not as a part of a longer word.
fn holds_word(text: &str, words: &str) -> bool {
    text.match_indices(words).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphabetic() && c.is_ascii());
        !joins(before) && !joins(after)
    })
}

/// The title says that the page isn't there.
fn titled_not_found(shape: &Shape) -> Option<Decision> {
    let title = shape.title.trim();
    if let Some(words) = phrases::NOT_FOUND_TITLE.iter().find(|words| title.contains(**words)) {
        return Some((Verdict::NotFound, format!("title `{words}`")));
    }
    let whole = ["not found", "page unavailable"].contains(&title);
    // A product may well be called «… No. 404»: the number counts as a part of its own, or behind a word that makes it
    // a status.
    let parts = title
        .split(['|', '·', '»', '–', '—'])
        .flat_map(|part| part.split(" - "))
        .flat_map(|part| part.split(": "));
    let numbered = title.starts_with("404 ")
        || parts.map(str::trim).any(|part| {
            part.trim_end_matches(')').strip_suffix("404").is_some_and(|before| {
                let word =
                    before.trim_end_matches([' ', '(', '#', ':']).rsplit(' ').next().unwrap_or_default();
                before.trim().is_empty() || ["error", "http", "status", "code", "page"].contains(&word)
            })
        });
    (whole || numbered).then(|| (Verdict::NotFound, format!("title `{title}`")))
}

/// The page says that it isn't there: in its title or heading, or by the class of the shop system's error page.
fn not_found(document: &Document<'_>, shape: &Shape) -> Option<Decision> {
    let marked = Selector::fixed(
        "body.error404, body.template-404, body#pagenotfound, body.cms-no-route, body.cms-noroute-index, body.error-not-found, .error-404.not-found, .template-404",
    );
    if document.first(Document::ROOT, &marked).is_some() {
        return Some((Verdict::NotFound, "the error page's class".to_owned()));
    }
    // The bare words are common; alone on a page they mean it.
    if shape.length < 1_500
        && shape.heading.lines().any(|line| line.trim().trim_end_matches(['!', '.']).ends_with("not found"))
    {
        return Some((Verdict::NotFound, "heading `not found`".to_owned()));
    }
    if shape.length < 300 && shape.lower.contains("not found") {
        return Some((Verdict::NotFound, "`not found` and little else".to_owned()));
    }
    if shape.length > 6_000 {
        return None;
    }
    if let Some(words) = phrases::NOT_FOUND.iter().find(|words| shape.heading.contains(**words)) {
        return Some((Verdict::NotFound, format!("heading `{words}`")));
    }
    if shape.length < 1_200 {
        let text = &shape.lower;
        if let Some(words) = phrases::NOT_FOUND.iter().find(|words| text.contains(**words)) {
            return Some((Verdict::NotFound, format!("`{words}`")));
        }
        // A picture may be all that says so.
        let alts = document
            .named("img")
            .iter()
            .filter_map(|id| document.attr(*id, "alt"))
            .map(|alt| alt.to_lowercase());
        for alt in alts.take(20) {
            if let Some(words) = phrases::NOT_FOUND.iter().find(|words| alt.contains(**words)) {
                return Some((Verdict::NotFound, format!("picture `{words}`")));
            }
        }
    }
    None
}

#[cfg(test)]
mod tests;
