//! Whether a link stays where the crawl belongs, seen from the page that it stands on: as every page was reached by
//! such a step, all of them belong together with a start page.

use super::{CrawlRules, PageUrl, Scope};

pub(super) fn covers(rules: &CrawlRules, page: &PageUrl, link: &PageUrl) -> bool {
    match rules.scope {
        Scope::Any => true,
        Scope::SameHost => same_host(page, link),
        Scope::SameDomain => page.host() == link.host() || same_domain(page, link),
        Scope::SamePathPrefix => {
            same_host(page, link) && rules.prefix.as_deref().is_some_and(|p| is_below(link.path(), p))
        }
    }
}

fn same_host(page: &PageUrl, link: &PageUrl) -> bool {
    page.host() == link.host() && page.port() == link.port()
}

/// Two shops of one hosting service have different registrable domains, a shop and its blog the same one.
fn same_domain(page: &PageUrl, link: &PageUrl) -> bool {
    let domain = |url: &PageUrl| url.domain().and_then(|host| psl::domain_str(host).map(str::to_owned));
    domain(page).is_some_and(|own| domain(link).is_some_and(|other| own == other))
}

/// `/shop` has `/shop` and `/shop/a` below it, and not `/shopping`.
fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| prefix.ends_with('/') || rest.is_empty() || rest.starts_with('/'))
}
