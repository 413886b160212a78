//! Obstacles and pages that only look like one.

use crate::extraction::{Page, Verdict};
use crate::{Recipes, extract};

fn verdict(html: &str, status: Option<u16>) -> Verdict {
    let page = Page { html, url: Some("https://shop.example/p/1"), status, headers: &[] };
    extract(&page, &Recipes::embedded()).verdict
}

const PRODUCT: &str = r#"<title>Robot vacuum</title><h1>Robot vacuum</h1><script type="application/ld+json">{"@type":"Product","name":"Robot vacuum","offers":{"price":5,"priceCurrency":"EUR"}}</script><p>No captcha, sign in not needed, error 404 error.</p>"#;

#[test]
fn statuses_decide_where_the_page_says_nothing() {
    for (status, expected) in [
        (404, Verdict::NotFound),
        (410, Verdict::NotFound),
        (429, Verdict::Throttled),
        (503, Verdict::Throttled),
        (403, Verdict::Blocked),
        (401, Verdict::Blocked),
        (502, Verdict::Throttled),
    ] {
        assert_eq!(verdict("<h1>Hello there, visitor</h1>", Some(status)), expected, "{status}");
    }
}

#[test]
fn a_product_is_no_obstacle_whatever_words_it_holds() {
    assert_eq!(verdict(PRODUCT, None), Verdict::Ok);
    assert_eq!(
        verdict(&format!("{PRODUCT}<form action=/login><input type=password></form>"), Some(200)),
        Verdict::Ok
    );
}

#[test]
fn a_number_in_a_name_is_no_status() {
    let page = |title: &str| format!("<title>{title}</title><h1>{title}</h1><p>In stock, 12,00 EUR</p>");
    for good in [
        "Desk Lamp No. 404",
        "Wall Clock, Small No. 404 – Kingfisher",
        "Lamp 404 | Shop",
        "Lamp No. 404: red",
    ] {
        assert_eq!(verdict(&page(good), Some(200)), Verdict::Ok, "{good}");
    }
    let gone = [
        "Error 404",
        "Larkspur Goods | 404",
        "404 Not here",
        "404 – Shop",
        "Shop: Error 404 | Oops",
        "Page (404)",
    ];
    for gone in gone {
        assert_eq!(verdict(&page(gone), Some(200)), Verdict::NotFound, "{gone}");
    }
}

#[test]
fn checks_refusals_walls_and_dead_ends() {
    for (html, expected) in [
        (
            "<title>x</title><form action='/errors/validateCaptcha'><input id=captchacharacters></form>",
            Verdict::Captcha,
        ),
        ("<title>Just a moment...</title><p>Enable JavaScript and cookies to continue</p>", Verdict::Captcha),
        (
            "<title>Access Denied</title><h1>Access Denied</h1>You don't have permission to access this page",
            Verdict::Blocked,
        ),
        ("<title>Slow down</title><p>Too many requests. Come back later.", Verdict::Throttled),
        ("<title>Sign in</title><form><input name=email><input type=password></form>", Verdict::LoginWall),
        ("<title>Oops</title><h1>Page not found</h1>", Verdict::NotFound),
        ("<body class='error404 wp'><h1>Oops</h1>", Verdict::NotFound),
        ("", Verdict::Empty),
        (
            "<html><head><script>var a = 'text'</script></head><body><div id=root></div></body></html>",
            Verdict::Empty,
        ),
    ] {
        assert_eq!(verdict(html, None), expected, "{html}");
    }
}

#[test]
fn a_header_can_decide() {
    let headers = [("CF-Mitigated".to_owned(), "challenge".to_owned())];
    let page = Page { html: "<p>hello</p>", url: None, status: Some(403), headers: &headers };
    assert_eq!(extract(&page, &Recipes::embedded()).verdict, Verdict::Captcha);
}
