//! Markup to tokens: start tags with attributes, end tags, text. Comments and declarations are dropped.

use super::tree::Attr;

/// Attributes of one tag beyond this number are dropped.
const MAX_ATTRS: usize = 256;

/// One token.
pub(super) enum Token<'a> {
    /// `<name attributes>`; the attributes were appended to the list given to [`Tokens::next`].
    Start {
        name: &'a str,
        closed: bool,
    },
    End {
        name: &'a str,
    },
    Text(&'a str),
}

/// Reads tokens from a page, each byte at most a constant number of times.
pub(super) struct Tokens<'a> {
    html: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(html: &'a str) -> Self {
        Tokens { html, at: 0 }
    }

    /// The next token; attributes of a start tag are appended to `attrs`.
    pub(super) fn next(&mut self, attrs: &mut Vec<Attr<'a>>) -> Option<Token<'a>> {
        let bytes = self.html.as_bytes();
        loop {
            let start = self.at;
            if start >= bytes.len() {
                return None;
            }
            if bytes[start] != b'<' {
                self.at = self.find('<', start);
                return Some(Token::Text(&self.html[start..self.at]));
            }
            match bytes.get(start + 1) {
                Some(b'!') if self.html[start..].starts_with("<!--") => self.skip_comment(start + 4),
                Some(b'!' | b'?') => self.at = self.find('>', start).saturating_add(1),
                Some(b'/') => match bytes.get(start + 2) {
                    Some(c) if c.is_ascii_alphabetic() => {
                        let name = self.tag_name(start + 2);
                        self.at = self.find('>', start + 2 + name.len()).saturating_add(1);
                        return Some(Token::End { name });
                    }
                    _ => self.at = self.find('>', start).saturating_add(1),
                },
                Some(c) if c.is_ascii_alphabetic() => {
                    let name = self.tag_name(start + 1);
                    self.at = start + 1 + name.len();
                    return self.attributes(attrs).map(|closed| Token::Start { name, closed });
                }
                _ => {
                    self.at = self.find('<', start + 1);
                    return Some(Token::Text(&self.html[start..self.at]));
                }
            }
        }
    }

    /// The text up to the end tag of a raw-text element such as `script`; the end tag is consumed.
    pub(super) fn raw_until(&mut self, name: &str) -> &'a str {
        let start = self.at.min(self.html.len());
        let bytes = self.html.as_bytes();
        let mut at = start;
        loop {
            let Some(found) = self.html[at..].find("</").map(|i| at + i) else {
                self.at = self.html.len();
                return &self.html[start..];
            };
            let after = found + 2 + name.len();
            let is_it =
                bytes.get(found + 2..after).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()))
                    && bytes.get(after).is_none_or(|c| matches!(c, b'>' | b'/') || c.is_ascii_whitespace());
            if is_it {
                self.at = self.find('>', after).saturating_add(1);
                return &self.html[start..found];
            }
            at = found + 2;
        }
    }

    /// The index of the character from `from` on, or the end.
    fn find(&self, c: char, from: usize) -> usize {
        self.html.get(from..).and_then(|rest| rest.find(c)).map_or(self.html.len(), |i| from + i)
    }

    fn skip_comment(&mut self, from: usize) {
        let rest = self.html.get(from..).unwrap_or("");
        // `<!-->` and `<!--->` are whole comments.
        self.at = if rest.starts_with('>') {
            from + 1
        } else if rest.starts_with("->") {
            from + 2
        } else {
            rest.find("-->").map_or(self.html.len(), |i| from + i + 3)
        };
    }

    fn tag_name(&self, from: usize) -> &'a str {
        let rest = &self.html[from..];
        let len = rest
            .bytes()
            .position(|c| c.is_ascii_whitespace() || matches!(c, b'/' | b'>'))
            .unwrap_or(rest.len());
        &rest[..len]
    }

    /// Reads up to the closing `>`; says whether the tag closes itself; `None` where the page ends inside.
    fn attributes(&mut self, attrs: &mut Vec<Attr<'a>>) -> Option<bool> {
        let bytes = self.html.as_bytes();
        let first = attrs.len();
        let mut closed = false;
        loop {
            match *bytes.get(self.at)? {
                b'>' => {
                    self.at += 1;
                    return Some(closed);
                }
                b'/' => {
                    closed = true;
                    self.at += 1;
                }
                c if c.is_ascii_whitespace() => self.at += 1,
                _ => {
                    closed = false;
                    let attr = self.attribute();
                    if attrs.len() - first < MAX_ATTRS {
                        attrs.push(attr);
                    }
                }
            }
        }
    }

    fn attribute(&mut self) -> Attr<'a> {
        let bytes = self.html.as_bytes();
        let from = self.at;
        // A name may begin with `=`.
        let mut at = from + 1;
        while at < bytes.len() && !bytes[at].is_ascii_whitespace() && !matches!(bytes[at], b'=' | b'>' | b'/')
        {
            at += 1;
        }
        while !self.html.is_char_boundary(at) {
            at += 1;
        }
        let name = &self.html[from..at];
        let skip_space = |mut at: usize| {
            while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
                at += 1;
            }
            at
        };
        let equals = skip_space(at);
        if bytes.get(equals) != Some(&b'=') {
            self.at = at;
            return Attr { name, value: "" };
        }
        let value = skip_space(equals + 1);
        match bytes.get(value) {
            Some(quote @ (b'"' | b'\'')) => {
                let end = self.find(char::from(*quote), value + 1);
                self.at = end.saturating_add(1);
                Attr { name, value: &self.html[value + 1..end] }
            }
            _ => {
                let mut end = value;
                while end < bytes.len() && !bytes[end].is_ascii_whitespace() && bytes[end] != b'>' {
                    end += 1;
                }
                self.at = end;
                Attr { name, value: &self.html[value.min(end)..end] }
            }
        }
    }
}
