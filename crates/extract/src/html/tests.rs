//! The tree, its text and its selectors on small pages.

use super::{Document, Selector, collapse, decode};

fn texts(html: &str, selector: &str) -> Vec<String> {
    let document = Document::parse(html);
    let selector = Selector::parse(selector).expect("a selector");
    document.select(Document::ROOT, &selector).into_iter().map(|id| document.text(id)).collect()
}

#[test]
fn implied_end_tags_close_their_elements() {
    assert_eq!(texts("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>", "ul > li").len(), 4);
    assert_eq!(texts("<p>one<p>two<div>three</div>", "p"), ["one", "two"]);
    assert_eq!(texts("<table><tr><td>1<td>2<tr><td>3</table>x", "td"), ["1", "2", "3"]);
    assert_eq!(texts("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "dt + dd"), ["b", "d"]);
    assert_eq!(texts("<select><option>a<option>b</select>", "option:nth-child(2)"), ["b"]);
}

#[test]
fn stray_and_crossing_end_tags_do_not_close_too_much() {
    assert_eq!(texts("<div id=a><span>x</b></div></span>y</div><p>z", "#a > span"), ["x"]);
    assert_eq!(texts("<table><tr><td><div>a</td><td>b</table>", "td"), ["a", "b"]);
    assert_eq!(texts("<main><div>a</p>b</div></main>", "main > div"), ["ab"]);
}

#[test]
fn scripts_and_comments_are_no_text() {
    let html = "<p>a<!-- no --><script>if (a</b>\"</p>\") {}</script>b<style>p{}</style><!-->c</p>";
    assert_eq!(texts(html, "p"), ["abc"]);
    assert_eq!(texts("<p>a<br>b<span hidden>c</span><i style='display: none'>d</i></p>", "p"), ["a b"]);
}

#[test]
fn attributes_are_read_in_every_writing() {
    let document = Document::parse(
        "<a HREF='/x?a=1&amp;b=2' data-n=5/ title = \"&euro;&#8364;&#x20AC;&copy=\" checked>t</a>",
    );
    let id = document.named("a")[0];
    assert_eq!(document.attr(id, "href").as_deref(), Some("/x?a=1&b=2"));
    assert_eq!(document.attr(id, "data-n").as_deref(), Some("5/"));
    assert_eq!(document.attr(id, "title").as_deref(), Some("€€€&copy="));
    assert!(document.has_attr(id, "checked"));
}

#[test]
fn references_decode_as_in_browsers() {
    assert_eq!(
        decode("&lt;b&gt; &amp &nbsp;x &unknown; &#150; &#0; & &#xZ;", false),
        "<b> & \u{a0}x &unknown; – \u{fffd} & &#xZ;"
    );
    assert_eq!(collapse(" a \u{a0}\n b\u{200b}c "), "a bc");
}

#[test]
fn selectors_match_as_in_css() {
    let html = "<div id=r class='a b'><p class=x data-k='one two' lang=en-GB>1</p><p class='x y'>2</p><section><p>3</p></section><p>4</p></div>";
    for (selector, expected) in [
        ("#r p", &["1", "2", "3", "4"][..]),
        ("#r > p", &["1", "2", "4"]),
        (".a.b .x.y", &["2"]),
        ("p:not(.x)", &["3", "4"]),
        ("[data-k~=two]", &["1"]),
        ("[data-k^='one']", &["1"]),
        ("[data-k$=\"TWO\" i]", &["1"]),
        ("[lang|=en]", &["1"]),
        ("section + p", &["4"]),
        (".x ~ p", &["2", "4"]),
        ("p:first-child", &["1", "3"]),
        ("#r > p:last-of-type", &["4"]),
        ("#r > :nth-child(odd)", &["1", "3"]),
        ("section:has(> p)", &["3"]),
        ("p:has(+ section)", &["2"]),
        ("p:contains('3'), .y", &["2", "3"]),
        (":is(section, .y)", &["2", "3"]),
        ("#none p", &[]),
    ] {
        assert_eq!(texts(html, selector), expected, "{selector}");
    }
}

#[test]
fn wrong_selectors_say_where() {
    for (selector, column) in
        [("a >", 4), ("a[b", 4), ("a:foo", 6), ("", 1), ("a,,b", 3), ("a)", 2), ("[a='b", 5)]
    {
        let error = Selector::parse(selector).expect_err(selector).to_string();
        assert!(error.ends_with(&format!("column {column}")), "{error}");
    }
}

#[test]
fn nested_and_endless_input_stays_bounded() {
    let deep = "<div>".repeat(200_000);
    let document = Document::parse(&deep);
    assert_eq!(document.len(), 200_001);
    assert!(document.ancestors(200_000).count() < 600);
    let balanced = format!("{}{}<p>after</p>", "<div>".repeat(5_000), "</div>".repeat(5_000));
    assert_eq!(texts(&balanced, "div p"), [""; 0]);
    assert_eq!(texts(&balanced, "p"), ["after"]);
    for open in ["<a b='", "<!--", "<script>", "<a b=", "</", "<![CDATA[", "&#", "<a "] {
        let html = open.repeat(20_000);
        Document::parse(&html);
    }
}

#[test]
fn blocks_part_words_and_inline_elements_do_not() {
    assert_eq!(
        texts("<div id=p><span>12</span><sup>99</sup><div>a</div><div>b</div>c</div>", "#p"),
        ["1299 a b c"]
    );
    let document = Document::parse("<article><h1>T</h1><p>a b<p>c<nav>no</nav></article>");
    let article = document.named("article")[0];
    assert_eq!(document.lines(article, |id| document.name(id) == "nav"), "T\na b\nc");
}
