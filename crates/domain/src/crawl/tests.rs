//! Tables: which addresses are the same page, and which links belong to a crawl.

use super::{CrawlRules, Judged, MAX_PATTERN, PageUrl, Scope};

fn key(text: &str) -> String {
    PageUrl::parse(text).map_or_else(|| "none".to_owned(), |url| url.key())
}

#[test]
fn the_same_page_has_one_key() {
    for (text, want) in [
        ("HTTP://Shop.Example", "http://shop.example/"),
        ("http://shop.example:80/", "http://shop.example/"),
        ("https://shop.example:443/a", "https://shop.example/a"),
        ("https://shop.example:8443/a", "https://shop.example:8443/a"),
        ("https://shop.example/a#part", "https://shop.example/a"),
        ("https://shop.example/a?#part", "https://shop.example/a"),
        ("https://shop.example/a/./b/../c", "https://shop.example/a/c"),
        ("https://shop.example/a/%2e%2E/c", "https://shop.example/c"),
        ("https://shop.example/%7Euser/%c3%bc", "https://shop.example/~user/%C3%BC"),
        ("https://shop.example/ü", "https://shop.example/%C3%BC"),
        ("https://shop.example/a%2Fb", "https://shop.example/a%2Fb"),
        ("https://shop.example/100%", "https://shop.example/100%"),
        ("https://shop.example/%+5", "https://shop.example/%+5"),
        ("https://shop.example/?b=2&a=1", "https://shop.example/?a=1&b=2"),
        ("https://shop.example/?a=2&a=1", "https://shop.example/?a=2&a=1"),
        ("https://shop.example/?&a=%41&", "https://shop.example/?a=A"),
        ("https://shop.example/?utm_source=x&UTM_Medium=y&a=1", "https://shop.example/?a=1"),
        ("https://shop.example/?gclid=1&fbclid=2&PHPSESSID=3", "https://shop.example/"),
        ("https://shop.example/?utm=1", "https://shop.example/?utm=1"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://[2606:4700::1]:443/", "https://[2606:4700::1]/"),
        ("ftp://shop.example/", "none"),
        ("https://user@shop.example/", "none"),
        ("mailto:a@shop.example", "none"),
        ("/relative", "none"),
        ("https://", "none"),
    ] {
        assert_eq!(key(text), want, "{text}");
        assert_eq!(key(want), want, "the key of a key");
    }
}

#[test]
fn different_pages_have_different_hashes() {
    let hash = |text: &str| PageUrl::parse(text).unwrap().hash();
    assert_eq!(hash("https://shop.example/a?b=1&a=2#x"), hash("https://shop.example:443/a?a=2&b=1"));
    assert_ne!(hash("https://shop.example/a"), hash("https://shop.example/a/"));
    assert_ne!(hash("https://shop.example/a"), hash("http://shop.example/a"));
    assert_eq!(format!("{:?}", hash("https://shop.example/")).len(), 32);
}

#[test]
fn the_scope_decides_where_links_may_lead() {
    let page = "https://www.shop.co.uk/list/1";
    for (link, host, domain, prefix) in [
        ("https://www.shop.co.uk/list/2", true, true, true),
        ("https://www.shop.co.uk/list", true, true, true),
        ("https://www.shop.co.uk/listing", true, true, false),
        ("http://www.shop.co.uk/list/2", true, true, true),
        ("https://www.shop.co.uk:8443/list/2", false, true, false),
        ("https://blog.shop.co.uk/list/2", false, true, false),
        ("https://shop.co.uk/", false, true, false),
        ("https://other.co.uk/list/2", false, false, false),
        ("https://192.0.2.7/list/2", false, false, false),
    ] {
        for (scope, want) in [
            (Scope::SameHost, host),
            (Scope::SameDomain, domain),
            (Scope::SamePathPrefix, prefix),
            (Scope::Any, true),
        ] {
            let prefix = (scope == Scope::SamePathPrefix).then(|| "/list".to_owned());
            let rules = CrawlRules { scope, prefix, ..CrawlRules::default() };
            let judged = rules.judge(&PageUrl::parse(page).unwrap(), &PageUrl::parse(link).unwrap());
            assert_eq!(judged == Judged::Followed, want, "{scope:?} {link}");
            assert!(want || judged == Judged::OutOfScope);
        }
    }
    let rules = CrawlRules { scope: Scope::SameDomain, ..CrawlRules::default() };
    let judge =
        |page: &str, link: &str| rules.judge(&PageUrl::parse(page).unwrap(), &PageUrl::parse(link).unwrap());
    assert_eq!(judge("http://127.0.0.1:1/", "http://127.0.0.1:2/"), Judged::Followed);
    assert_eq!(judge("http://10.0.0.1/", "http://11.0.0.1/"), Judged::OutOfScope);
    assert_eq!(judge("http://localhost/", "http://localhost/x"), Judged::Followed);
}

#[test]
fn patterns_want_and_refuse_links() {
    let rules = CrawlRules {
        include: vec!["/p/*".to_owned(), "*//*/list?page=*".to_owned()],
        exclude: vec!["*print=1*".to_owned()],
        ..CrawlRules::default()
    };
    let page = PageUrl::parse("https://a.example/").unwrap();
    for (link, want) in [
        ("https://a.example/p/1", Judged::Followed),
        ("https://a.example/p/1?print=1", Judged::Excluded),
        ("https://a.example/list?page=2", Judged::Followed),
        ("https://a.example/about", Judged::Excluded),
        ("https://b.example/p/1", Judged::OutOfScope),
    ] {
        assert_eq!(rules.judge(&page, &PageUrl::parse(link).unwrap()), want, "{link}");
    }
}

#[test]
fn rules_that_cannot_run_name_their_fields() {
    let fields = |rules: CrawlRules| rules.faults().into_iter().map(|(field, _)| field).collect::<Vec<_>>();
    assert!(fields(CrawlRules::default()).is_empty());
    let bad = CrawlRules {
        max_depth: 101,
        max_pages: 0,
        scope: Scope::SamePathPrefix,
        include: vec!["ok".to_owned(), String::new(), "x".repeat(MAX_PATTERN + 1)],
        exclude: vec!["/a".to_owned(); 21],
        ..CrawlRules::default()
    };
    assert_eq!(fields(bad), ["maxDepth", "maxPages", "prefix", "include[1]", "include[2]", "exclude"]);
    for prefix in ["", "list", "/a\u{0}"] {
        let prefix = Some(prefix.to_owned());
        let rules = CrawlRules { scope: Scope::SamePathPrefix, prefix, ..CrawlRules::default() };
        assert_eq!(fields(rules), ["prefix"]);
    }
    let stray = CrawlRules { prefix: Some("/a".to_owned()), ..CrawlRules::default() };
    assert_eq!(fields(stray), ["prefix"]);
}

#[test]
fn rules_are_read_with_defaults_and_words() {
    let rules: CrawlRules = serde_json::from_str(r#"{"scope":"same-domain","maxDepth":0}"#).unwrap();
    let want = CrawlRules { scope: Scope::SameDomain, max_depth: 0, ..CrawlRules::default() };
    assert_eq!(rules, want);
    for scope in Scope::ALL {
        assert_eq!(Scope::parse(scope.as_str()), Some(scope));
        assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
    }
}
