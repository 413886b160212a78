//! The rules of a crawl in a request: what is not said has its default.

use crate::extract::{Errors, FieldPath, Fields};
use serde_json::Value;
use ukai_domain::{CrawlRules, JobKind, MAX_DEPTH, MAX_PAGES, MAX_PATTERNS, PageUrl, Scope};

/// Those of the member `crawl`; `None` for other kinds of jobs, which must not have it. `start` is the crawl's first
/// page, where it is known: the scope `same-path-prefix` then needs no prefix of its own.
pub(crate) fn rules(
    fields: &mut Fields<'_>,
    kind: JobKind,
    start: Option<&str>,
    errors: &mut Errors,
) -> Option<CrawlRules> {
    let given = fields.take("crawl");
    if kind != JobKind::Crawl {
        if given.is_some() {
            fields.error("crawl", "stands with the kind crawl alone", errors);
        }
        return None;
    }
    let parent = fields.path();
    let path = parent.key("crawl");
    let Some(given) = given else { return Some(CrawlRules::default()) };
    let mut given = Fields::of(given, path, errors)?;
    let default = CrawlRules::default();
    let scope = scope(&mut given, errors);
    let prefix = given.take("prefix").and_then(|prefix| match prefix {
        Value::String(prefix) => Some(prefix),
        _ => {
            given.error("prefix", "must be a string", errors);
            None
        }
    });
    let rules = CrawlRules {
        max_depth: given
            .integer("maxDepth", 0..=u32::from(MAX_DEPTH), errors)
            .and_then(|depth| u16::try_from(depth).ok())
            .unwrap_or(default.max_depth),
        max_pages: given.integer("maxPages", 1..=MAX_PAGES, errors).unwrap_or(default.max_pages),
        prefix: prefix.or_else(|| start.filter(|_| scope == Scope::SamePathPrefix).and_then(folder)),
        scope,
        include: patterns(&mut given, "include", errors),
        exclude: patterns(&mut given, "exclude", errors),
        respect_robots: given.boolean("respectRobots", errors).unwrap_or(default.respect_robots),
    };
    for (field, message) in rules.faults() {
        add_fault(path, &field, message, errors);
    }
    Some(rules)
}

/// `include[3]` below `path`.
fn add_fault(path: FieldPath<'_>, field: &str, message: String, errors: &mut Errors) {
    let (name, index) = match field.strip_suffix(']').and_then(|f| f.split_once('[')) {
        Some((name, index)) => (name, index.parse().ok()),
        None => (field, None),
    };
    let key = path.key(name);
    match index {
        Some(index) => errors.add(key.index(index), message),
        None => errors.add(key, message),
    }
}

fn scope(given: &mut Fields<'_>, errors: &mut Errors) -> Scope {
    let Some(value) = given.take("scope") else { return Scope::default() };
    value.as_str().and_then(Scope::parse).unwrap_or_else(|| {
        let words = Scope::ALL.map(Scope::as_str).join(", ");
        given.error("scope", format!("must be one of {words}"), errors);
        Scope::default()
    })
}

fn patterns(given: &mut Fields<'_>, name: &str, errors: &mut Errors) -> Vec<String> {
    let Some(value) = given.take(name) else { return Vec::new() };
    let path = given.path();
    let Value::Array(items) = value else {
        given.error(name, "must be an array", errors);
        return Vec::new();
    };
    let mut patterns = Vec::new();
    // One too many is enough to be refused.
    for (index, item) in items.into_iter().enumerate().take(MAX_PATTERNS + 1) {
        match item {
            Value::String(pattern) => patterns.push(pattern),
            _ => errors.add(path.key(name).index(index), "must be a string"),
        }
    }
    patterns
}

/// The folder that a page lies in: `/shop/` of `https://x/shop/list?page=1`.
fn folder(start: &str) -> Option<String> {
    let page = PageUrl::parse(start)?;
    let path = page.path();
    Some(path[..=path.rfind('/')?].to_owned())
}

#[cfg(test)]
mod tests {
    use super::{folder, rules};
    use crate::extract::{Errors, FieldPath, Fields};
    use serde_json::{Value, json};
    use ukai_domain::{CrawlRules, JobKind, Scope};

    fn read(body: Value, kind: JobKind, start: Option<&str>) -> (Option<CrawlRules>, bool) {
        let Value::Object(members) = body else { panic!("no object") };
        let mut errors = Errors::default();
        let rules = rules(&mut Fields::new(members, FieldPath::Root), kind, start, &mut errors);
        (rules, errors.is_empty())
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        assert_eq!(read(json!({}), JobKind::Crawl, None), (Some(CrawlRules::default()), true));
        assert_eq!(read(json!({}), JobKind::Scrape, None), (None, true));
        let said = json!({ "crawl": { "maxDepth": 0, "scope": "any", "respectRobots": false, "include": ["/p/*"] } });
        let want = CrawlRules {
            max_depth: 0,
            scope: Scope::Any,
            respect_robots: false,
            include: vec!["/p/*".to_owned()],
            ..CrawlRules::default()
        };
        assert_eq!(read(said, JobKind::Crawl, None), (Some(want), true));
    }

    #[test]
    fn a_path_prefix_is_that_of_the_first_page() {
        let said = json!({ "crawl": { "scope": "same-path-prefix" } });
        assert!(!read(said.clone(), JobKind::Crawl, None).1);
        let (rules, fine) = read(said, JobKind::Crawl, Some("https://a.example/shop/list?x=/"));
        assert!(fine);
        assert_eq!(rules.and_then(|rules| rules.prefix).as_deref(), Some("/shop/"));
        assert_eq!(folder("https://a.example").as_deref(), Some("/"));
    }
}
