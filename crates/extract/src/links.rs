//! A page's links, for crawls.

use std::collections::{HashMap, HashSet};

use crate::context::Context;
use crate::extraction::Page;

/// Links of one page.
const MAX_LINKS: usize = 5_000;

/// How robots are called that a page speaks to: all of them, or this one.
const SPOKEN_TO: [&str; 2] = ["robots", "ukai"];

/// What a page links to.
#[derive(Debug, Default)]
pub(crate) struct Links {
    /// Absolute http addresses in the order of the page, each once, without fragments.
    pub(crate) all: Vec<String>,
    /// Those of them that the page asks robots not to follow.
    pub(crate) nofollow: Vec<String>,
}

impl Links {
    pub(crate) fn of(context: &Context<'_>, page: &Page<'_>) -> Self {
        let document = &context.document;
        let mut place: HashMap<String, usize> = HashMap::new();
        let mut links: Vec<(String, bool)> = Vec::new();
        for id in document.named("a").iter().chain(document.named("area")) {
            let Some(url) = document.attr(*id, "href").and_then(|href| context.absolute(&href)) else {
                continue;
            };
            if !url.starts_with("http") {
                continue;
            }
            let nofollow = document.attr(*id, "rel").is_some_and(|rel| has_word(&rel, "nofollow"));
            match place.get(&url) {
                // A link that stands somewhere without the mark may be followed.
                Some(&at) => links[at].1 &= nofollow,
                None if links.len() < MAX_LINKS => {
                    place.insert(url.clone(), links.len());
                    links.push((url, nofollow));
                }
                None => {}
            }
        }
        let whole = asks_not_to_follow(context, page);
        let nofollow =
            links.iter().filter(|(_, marked)| whole || *marked).map(|(url, _)| url.clone()).collect();
        Self { all: links.into_iter().map(|(url, _)| url).collect(), nofollow }
    }
}

/// `<meta name="robots" content="nofollow">` and the header `X-Robots-Tag` speak for all links of a page.
fn asks_not_to_follow(context: &Context<'_>, page: &Page<'_>) -> bool {
    let document = &context.document;
    let says = |content: &str| {
        let words: HashSet<String> = content.split(',').map(|word| word.trim().to_lowercase()).collect();
        words.contains("nofollow") || words.contains("none")
    };
    let by_meta = document.named("meta").iter().any(|id| {
        let to_us = document.attr(*id, "name").is_some_and(|name| is_spoken_to(&name));
        to_us && document.attr(*id, "content").is_some_and(|content| says(&content))
    });
    let mut headers = page.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("x-robots-tag"));
    by_meta
        || headers.any(|(_, value)| match value.split_once(':') {
            Some((name, rest)) if !name.contains(',') => is_spoken_to(name) && says(rest),
            _ => says(value),
        })
}

fn is_spoken_to(name: &str) -> bool {
    SPOKEN_TO.iter().any(|own| name.trim().eq_ignore_ascii_case(own))
}

fn has_word(text: &str, word: &str) -> bool {
    text.split_ascii_whitespace().any(|own| own.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use crate::{Page, Recipes, extract};

    fn read(html: &str, headers: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let headers: Vec<(String, String)> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let page =
            Page { html, url: Some("https://a.example/dir/page"), status: Some(200), headers: &headers };
        let extraction = extract(&page, &Recipes::default());
        let short = |urls: Vec<String>| {
            urls.into_iter().map(|url| url.replace("https://a.example", "")).collect::<Vec<_>>()
        };
        (short(extraction.links), short(extraction.nofollow))
    }

    const LINKS: &str = r#"<p>Some words of a page that is not empty at all.</p><a href="one">1</a>
        <a rel="noopener NoFollow" href="/two">2</a><a href="/two#again" rel="nofollow">2</a>
        <a href="three" rel=nofollow>3</a><a href="three">3</a><a href="mailto:x@a.example">m</a>"#;

    #[test]
    fn marked_links_are_told_apart() {
        let (all, nofollow) = read(LINKS, &[]);
        assert_eq!(all, ["/dir/one", "/two", "/dir/three"]);
        assert_eq!(nofollow, ["/two"]);
    }

    #[test]
    fn a_base_is_what_links_are_joined_to() {
        let (all, _) = read(&format!("<head><base href=\"/shop/\"></head>{LINKS}"), &[]);
        assert_eq!(all, ["/shop/one", "/two", "/shop/three"]);
    }

    #[test]
    fn a_page_may_speak_for_all_its_links() {
        for (meta, header, all) in [
            (r#"<meta name="robots" content="noindex, NoFollow">"#, "", true),
            (r#"<meta name="Ukai" content="none">"#, "", true),
            (r#"<meta name="otherbot" content="nofollow">"#, "", false),
            (r#"<meta name="robots" content="noindex">"#, "", false),
            ("", "noindex, nofollow", true),
            ("", "ukai: nofollow", true),
            ("", "otherbot: nofollow", false),
            ("", "unavailable_after: 25 Jun 2030 15:00:00 PST", false),
        ] {
            let (links, nofollow) = read(&format!("<head>{meta}</head>{LINKS}"), &[("X-Robots-Tag", header)]);
            assert_eq!(nofollow.len() == links.len(), all, "{meta} {header}");
        }
    }
}
