//! Text as a reader sees it: white space collapsed, scripts and hidden parts left out.

use super::tree::{Document, NodeId};

/// Collapses white space (also no-break spaces and zero-width marks) to single spaces, trimmed.
pub(crate) fn collapse(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(1 << 16));
    push_collapsed(&mut out, text);
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

fn push_collapsed(out: &mut String, text: &str) {
    for c in text.chars() {
        if c.is_whitespace() {
            if !out.is_empty() && !out.ends_with([' ', '\n']) {
                out.push(' ');
            }
        } else if !matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}' | '\u{ad}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            && !(c.is_control())
        {
            out.push(c);
        }
    }
}

/// Elements whose content nobody reads.
fn is_silent(name: &str) -> bool {
    matches!(
        name,
        "script"
            | "style"
            | "template"
            | "noscript"
            | "svg"
            | "iframe"
            | "noembed"
            | "textarea"
            | "select"
            | "object"
            | "math"
    )
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "br"
            | "dd"
            | "div"
            | "dl"
            | "dt"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hr"
            | "li"
            | "main"
            | "nav"
            | "ol"
            | "p"
            | "pre"
            | "section"
            | "table"
            | "td"
            | "th"
            | "tr"
            | "ul"
            | "option"
            | "button"
            | "img"
            | "title"
            | "center"
    )
}

impl Document<'_> {
    /// The subtree's text on one line, at most about `limit` bytes.
    pub(crate) fn text_up_to(&self, id: NodeId, limit: usize) -> String {
        let mut out = self.walk(id, limit, ' ', |_| false);
        out.truncate(out.trim_end().len());
        out
    }

    /// The subtree's text on one line.
    pub(crate) fn text(&self, id: NodeId) -> String {
        self.text_up_to(id, 1 << 20)
    }

    /// The subtree's text, each block on its own line, without the subtrees that `skip` names.
    pub(crate) fn lines(&self, id: NodeId, skip: impl Fn(NodeId) -> bool) -> String {
        let mut out = self.walk(id, 4 << 20, '\n', skip);
        out.truncate(out.trim_end().len());
        out
    }

    fn walk(&self, id: NodeId, limit: usize, block: char, skip: impl Fn(NodeId) -> bool) -> String {
        let mut out = String::new();
        let end = self.end(id);
        let mut at = id;
        // Ends of the open block elements: text after them begins anew.
        let mut ends: Vec<NodeId> = Vec::new();
        while at < end && out.len() < limit {
            while ends.last().is_some_and(|last| *last <= at) {
                ends.pop();
                break_block(&mut out, block);
            }
            if let Some(text) = self.text_of(at) {
                push_collapsed(&mut out, &text);
            } else {
                let name = self.name(at);
                if at != id && (is_silent(name) || self.is_hidden(at) || skip(at)) {
                    at = self.end(at);
                    continue;
                }
                if is_block(name) {
                    break_block(&mut out, block);
                    ends.push(self.end(at));
                }
            }
            at += 1;
        }
        out
    }

    /// Whether the element itself says that it isn't shown.
    pub(crate) fn is_hidden(&self, id: NodeId) -> bool {
        if self.has_attr(id, "hidden") {
            return true;
        }
        let Some(style) = self.raw_attr(id, "style") else { return false };
        let style: String =
            style.chars().filter(|c| !c.is_whitespace()).take(400).collect::<String>().to_ascii_lowercase();
        style.contains("display:none") || style.contains("visibility:hidden")
    }

    /// Whether the element or a parent of it says that it isn't shown.
    pub(crate) fn is_unseen(&self, id: NodeId) -> bool {
        self.is_hidden(id) || self.ancestors(id).any(|id| self.is_hidden(id) || is_silent(self.name(id)))
    }
}

fn break_block(out: &mut String, block: char) {
    while out.ends_with(' ') {
        out.pop();
    }
    if !out.is_empty() && !out.ends_with(block) {
        out.push(block);
    }
}

/// The whole page's text on one line.
pub(crate) fn visible_text(document: &Document<'_>) -> String {
    let body = document.named("body").first().copied().unwrap_or(Document::ROOT);
    document.text_up_to(body, 1 << 20)
}
