//! Product addresses in their short form.

use url::Url;

/// Query parameters that say where a click came from, not what is shown.
const TRACKING: &[&str] = &[
    "ref",
    "ref_",
    "qid",
    "sr",
    "pf_rd_p",
    "pf_rd_r",
    "pd_rd_w",
    "pd_rd_wg",
    "pd_rd_r",
    "pd_rd_i",
    "psc",
    "gclid",
    "fbclid",
    "msclkid",
    "dclid",
    "yclid",
    "mc_cid",
    "mc_eid",
    "_pos",
    "_sid",
    "_ss",
    "_psq",
    "_fid",
    "_v",
    "spm",
    "scm",
    "algo_pvid",
    "algo_exp_id",
    "hash",
    "_trksid",
    "_trkparms",
    "amdata",
    "itmmeta",
    "itmprp",
    "click_key",
    "click_sum",
    "ga_order",
    "ga_search_type",
    "ga_view_type",
    "ga_search_query",
    "frs",
    "pro",
    "sts",
    "crt",
    "organic_search_click",
    "cns",
    "content_source",
    "logging_key",
    "srsltid",
    "recommid",
    "pr_prod_strat",
    "pr_rec_id",
    "pr_rec_pid",
    "pr_ref_pid",
    "pr_seq",
    "athbdg",
    "athcpid",
    "athpgid",
    "athena",
    "from",
    "source",
    "sid",
    "tracking",
];

/// The address without tracking; of shops whose addresses carry a number, the short form.
pub(crate) fn clean(address: &str) -> String {
    let Ok(mut url) = Url::parse(address) else { return address.to_owned() };
    url.set_fragment(None);
    let host = url.host_str().unwrap_or("").to_owned();
    if is_of(&host, "amazon")
        && let Some(asin) = asin(url.path())
    {
        return format!("{}://{host}/dp/{asin}", url.scheme());
    }
    if is_of(&host, "ebay")
        && let Some(number) = after(url.path(), "/itm/")
            .and_then(|rest| rest.rsplit('/').find(|part| is_number(part)).map(str::to_owned))
    {
        return format!("{}://{host}/itm/{number}", url.scheme());
    }
    if ["etsy", "aliexpress", "walmart", "zalando"].iter().any(|shop| is_of(&host, shop)) {
        url.set_query(None);
        return url.into();
    }
    let kept: Vec<(String, String)> = url
        .query_pairs()
        .filter(|(key, _)| !key.starts_with("utm_") && !TRACKING.contains(&key.as_ref()))
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect();
    if kept.len() != url.query_pairs().count() {
        if kept.is_empty() {
            url.set_query(None);
        } else {
            url.query_pairs_mut().clear().extend_pairs(kept);
        }
    }
    url.into()
}

/// The shop's number of the product, where the address carries one that is known.
pub(crate) fn id_of(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let host = url.host_str()?;
    if is_of(host, "amazon") {
        return asin(url.path());
    }
    for (shop, before) in [
        ("ebay", "/itm/"),
        ("etsy", "/listing/"),
        ("aliexpress", "/item/"),
        ("walmart", "/ip/"),
        ("booth", "/items/"),
    ] {
        if is_of(host, shop) {
            let rest = after(url.path(), before)?;
            return rest.split(['/', '.']).find(|part| is_number(part)).map(str::to_owned);
        }
    }
    None
}

fn is_of(host: &str, shop: &str) -> bool {
    host.split('.').any(|label| label == shop)
}

fn after(path: &str, before: &str) -> Option<String> {
    path.split_once(before).map(|(_, rest)| rest.to_owned())
}

fn is_number(part: &str) -> bool {
    part.len() >= 4 && part.bytes().all(|c| c.is_ascii_digit())
}

fn asin(path: &str) -> Option<String> {
    let is_asin =
        |part: &&str| part.len() == 10 && part.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    ["/dp/", "/gp/product/", "/gp/aw/d/", "/gp/video/detail/"]
        .iter()
        .find_map(|before| path.split_once(before))
        .and_then(|(_, rest)| rest.split('/').next().filter(is_asin).map(str::to_owned))
}
