//! Patterns of links: text in which `*` stands for anything, also nothing. There is no other special character, so
//! that what a query is full of (`?`, `+`, `.`) means itself, and matching takes one pass whatever the pattern.

use super::PageUrl;

/// One that begins with `/` is matched with path and query, any other with the whole address.
pub(super) struct Pattern<'p>(pub(super) &'p str);

impl Pattern<'_> {
    pub(super) fn matches(&self, link: &PageUrl) -> bool {
        is_match(self.0, if self.0.starts_with('/') { link.path_and_query() } else { link.as_str() })
    }
}

/// The parts between the stars, each at its first place behind the one before: that leaves the most for the rest.
fn is_match(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.find(part) {
            Some(at) => text = &text[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_match;

    #[test]
    fn a_star_is_anything_and_all_else_is_itself() {
        for (pattern, text, want) in [
            ("/p/1", "/p/1", true),
            ("/p/1", "/p/12", false),
            ("/p/*", "/p/", true),
            ("/p/*", "/p/1?a=b", true),
            ("/p/*", "/q/1", false),
            ("*", "", true),
            ("**", "x", true),
            ("*.html", "/a.html", true),
            ("*.html", "/a.html?x", false),
            ("/a*b*c", "/abc", true),
            ("/a*b*c", "/acb", false),
            ("/a*bc", "/abcbc", true),
            ("/ab*ba", "/aba", false),
            ("/*?page=*", "/list?page=2", true),
            ("/*?page=*", "/listXpage=2", false),
            ("/ü*", "/üb", true),
        ] {
            assert_eq!(is_match(pattern, text), want, "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_of_stars_takes_no_time() {
        let pattern = "*a".repeat(100);
        let text = "a".repeat(2_000) + "b";
        assert!(!is_match(&pattern, &text));
    }
}
