//! Tokens to a tree: which end tags are implied, what is void, where depth ends.

use std::borrow::Cow;
use std::cell::OnceCell;

use super::tokens::{Token, Tokens};
use super::tree::{Attr, Data, Document, Element, Node, NodeId};

/// Deeper elements become siblings, as in Chromium.
const MAX_DEPTH: usize = 512;
/// What comes after that many nodes is dropped.
const MAX_NODES: usize = 1_500_000;
/// What comes after that many bytes is dropped.
const MAX_BYTES: usize = 24 << 20;

impl<'a> Document<'a> {
    /// Parses a page; never fails.
    pub(crate) fn parse(html: &'a str) -> Self {
        let mut cut = html.len().min(MAX_BYTES);
        while !html.is_char_boundary(cut) {
            cut -= 1;
        }
        let html = html[..cut].trim_start_matches('\u{feff}');
        let mut builder = Builder {
            nodes: Vec::with_capacity(html.len() / 24 + 2),
            attrs: Vec::with_capacity(html.len() / 32),
            open: Vec::with_capacity(64),
            overflow: 0,
            open_names: [0; 256],
        };
        builder.nodes.push(Node { parent: 0, end: 1, data: Data::Document });
        builder.open.push(0);
        builder.run(Tokens::new(html));
        Document { nodes: builder.nodes, attrs: builder.attrs, index: OnceCell::new() }
    }
}

struct Builder<'a> {
    nodes: Vec<Node<'a>>,
    attrs: Vec<Attr<'a>>,
    /// The open elements, the document first.
    open: Vec<NodeId>,
    /// Open elements beyond the depth limit.
    overflow: usize,
    /// How many open elements there are by a hash of their name: 0 means none, without a walk.
    open_names: [u16; 256],
}

impl<'a> Builder<'a> {
    fn run(&mut self, mut tokens: Tokens<'a>) {
        loop {
            let attrs_from = self.attrs.len();
            let Some(token) = tokens.next(&mut self.attrs) else { break };
            if self.nodes.len() >= MAX_NODES {
                break;
            }
            match token {
                Token::Text(text) => self.push_text(text, false),
                Token::End { name } => self.end(&lower(name)),
                Token::Start { name, closed } => {
                    let name = lower(name);
                    let pushed = self.start(&name, name.clone(), attrs_from, closed);
                    if pushed && is_raw_text(&name) {
                        let text = tokens.raw_until(&name);
                        if !text.is_empty() {
                            self.push_text(text, !matches!(name.as_ref(), "title" | "textarea"));
                        }
                        self.close_to(self.open.len() - 1);
                    }
                }
            }
        }
        self.close_to(1);
        self.nodes[0].end = id_of(self.nodes.len());
    }

    fn push_text(&mut self, text: &'a str, raw: bool) {
        let parent = self.top();
        let end = id_of(self.nodes.len() + 1);
        self.nodes.push(Node { parent, end, data: Data::Text { text, raw } });
    }

    /// Whether the element is now open.
    fn start(&mut self, name: &str, kept: Cow<'a, str>, attrs_from: usize, closed: bool) -> bool {
        if matches!(name, "html" | "body" | "head") && self.is_open(name) {
            return false;
        }
        self.imply_ends(name);
        let find = |attrs: &[Attr<'a>], wanted: &str| {
            attrs
                .iter()
                .find(|attr| attr.name.eq_ignore_ascii_case(wanted))
                .map_or("", |attr| attr.value.trim())
        };
        let own = self.attrs.get(attrs_from..).unwrap_or(&[]);
        let element = Element {
            name: kept,
            id: find(own, "id"),
            class: find(own, "class"),
            attrs: (id_of(attrs_from), id_of(self.attrs.len())),
        };
        let id = id_of(self.nodes.len());
        let parent = self.top();
        self.nodes.push(Node { parent, end: id + 1, data: Data::Element(element) });
        if is_void(name) || (closed && self.in_foreign(name)) {
            return false;
        }
        if self.open.len() >= MAX_DEPTH && !is_raw_text(name) {
            self.overflow += 1;
            return false;
        }
        self.open.push(id);
        self.open_names[hash(name)] += 1;
        true
    }

    fn end(&mut self, name: &str) {
        if self.overflow > 0 {
            self.overflow -= 1;
            return;
        }
        if matches!(name, "html" | "body") || self.open_names[hash(name)] == 0 {
            return;
        }
        let crosses_special = is_special(name);
        for depth in (1..self.open.len()).rev() {
            let open = self.name_at(depth);
            if open == name {
                return self.close_to(depth);
            }
            let stops =
                if crosses_special { is_scope(open) && !belongs_to_table(name) } else { is_special(open) };
            if stops || (open == "table" && name != "table" && belongs_to_table(name)) {
                return;
            }
        }
    }

    /// Closes what a start tag of that name ends without saying so.
    fn imply_ends(&mut self, name: &str) {
        let (closes, stops_at): (&[&str], &[&str]) = match name {
            "li" => (&["li"], &["ul", "ol", "menu"]),
            "dt" | "dd" => (&["dt", "dd"], &["dl"]),
            "option" => (&["option"], &["select", "datalist", "optgroup"]),
            "optgroup" => (&["option", "optgroup"], &["select"]),
            "td" | "th" => (&["td", "th"], &["tr", "table"]),
            "tr" => (&["tr"], &["table", "tbody", "thead", "tfoot"]),
            "tbody" | "thead" | "tfoot" => (&["tbody", "thead", "tfoot"], &["table"]),
            "a" => (&["a"], &["td", "th", "table", "button", "li", "div", "section", "article"]),
            "button" => (&["button"], &["form", "table"]),
            "body" => (&["head"], &[]),
            _ => (&[], &[]),
        };
        if !closes.is_empty() {
            self.close_nearest(closes, stops_at);
        }
        if closes_paragraph(name) {
            self.close_nearest(&["p"], &["button", "table", "td", "th", "caption", "object", "template"]);
        }
        if matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
            && matches!(self.name_at(self.open.len() - 1), "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
        {
            self.close_to(self.open.len() - 1);
        }
    }

    fn close_nearest(&mut self, names: &[&str], stops_at: &[&str]) {
        if names.iter().all(|name| self.open_names[hash(name)] == 0) {
            return;
        }
        for depth in (1..self.open.len()).rev() {
            let open = self.name_at(depth);
            if names.contains(&open) {
                // `tr` in a table without `tbody` and the like: only the named element and what is in it end.
                return self.close_to(depth);
            }
            if stops_at.contains(&open) {
                return;
            }
        }
    }

    /// Closes the elements from `depth` on.
    fn close_to(&mut self, depth: usize) {
        let end = id_of(self.nodes.len());
        for id in self.open.drain(depth.max(1)..) {
            let node = &mut self.nodes[id as usize];
            node.end = end;
            if let Data::Element(element) = &node.data {
                let count = &mut self.open_names[hash(&element.name)];
                *count = count.saturating_sub(1);
            }
        }
    }

    fn top(&self) -> NodeId {
        self.open.last().copied().unwrap_or(0)
    }

    fn name_at(&self, depth: usize) -> &str {
        match self.open.get(depth).map(|id| &self.nodes[*id as usize].data) {
            Some(Data::Element(element)) => element.name.as_ref(),
            _ => "",
        }
    }

    fn is_open(&self, name: &str) -> bool {
        (1..self.open.len().min(4)).any(|depth| self.name_at(depth) == name)
    }

    /// Whether an element closes itself by `/>`, as those of drawings do.
    fn in_foreign(&self, name: &str) -> bool {
        name.contains(':')
            || matches!(
                name,
                "svg"
                    | "math"
                    | "path"
                    | "use"
                    | "rect"
                    | "circle"
                    | "g"
                    | "line"
                    | "polygon"
                    | "polyline"
                    | "ellipse"
                    | "stop"
            )
            || (1..self.open.len()).rev().take(8).any(|depth| matches!(self.name_at(depth), "svg" | "math"))
    }
}

/// A bucket for a name: its length, first and last letter.
fn hash(name: &str) -> usize {
    let bytes = name.as_bytes();
    let (first, last) = (bytes.first().copied().unwrap_or(0), bytes.last().copied().unwrap_or(0));
    (usize::from(first) * 31 + usize::from(last) * 7 + bytes.len()) % 256
}

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|c| c.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

#[allow(clippy::cast_possible_truncation, reason = "inputs are cut to MAX_BYTES, far below 2^32")]
fn id_of(index: usize) -> NodeId {
    index as NodeId
}

fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
            | "basefont"
            | "frame"
    )
}

fn is_raw_text(name: &str) -> bool {
    matches!(name, "script" | "style" | "textarea" | "title" | "xmp" | "iframe" | "noembed" | "noframes")
}

fn is_scope(name: &str) -> bool {
    matches!(name, "table" | "td" | "th" | "caption" | "template" | "object" | "html")
}

fn belongs_to_table(name: &str) -> bool {
    matches!(name, "table" | "tr" | "td" | "th" | "tbody" | "thead" | "tfoot" | "caption")
}

/// Elements that an end tag of an inline element doesn't reach across.
fn is_special(name: &str) -> bool {
    closes_paragraph(name)
        || is_scope(name)
        || matches!(
            name,
            "li" | "dt"
                | "dd"
                | "body"
                | "head"
                | "tr"
                | "tbody"
                | "thead"
                | "tfoot"
                | "button"
                | "select"
                | "noscript"
        )
}

fn closes_paragraph(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "details"
            | "div"
            | "dl"
            | "fieldset"
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
            | "main"
            | "menu"
            | "nav"
            | "ol"
            | "p"
            | "pre"
            | "section"
            | "table"
            | "ul"
            | "center"
    )
}
