//! Machine-readable descriptions in their many writings.

use serde_json::json;

use super::{Embedded, Meta, number_of, text_of, texts_of, things};
use crate::html::Document;

#[test]
fn json_ld_is_read_with_its_usual_faults() {
    for body in [
        r#"{"@type":"Product","name":"A"}"#,
        "<!-- {\"@type\":\"Product\",\"name\":\"A\"} -->",
        "//<![CDATA[\n{\"@type\":\"Product\",\"name\":\"A\",}\n//]]>",
        "{\"@type\":\"Product\", // a note\n \"name\":\"A\"};",
        "{\"@type\":\"Product\",\"name\":\"A\",\"description\":\"two\nlines\ttab \\' quote\"}",
        r#"[{"@graph":[{"@type":["Thing","http://schema.org/Product"],"name":"A"}]}]"#,
        r#"{"@type":"WebPage","mainEntity":{"@type":"Product","name":"A"}}"#,
    ] {
        let html = format!("<script type='application/ld+json'>{body}</script>");
        let document = Document::parse(&html);
        let things = things(&document);
        let product =
            things.iter().find(|thing| thing.is("Product")).unwrap_or_else(|| panic!("no product in {body}"));
        assert_eq!(text_of(&product.value, "name").as_deref(), Some("A"));
        assert!(!product.nested);
    }
}

#[test]
fn microdata_items_nest_and_refer() {
    let html = "<div itemscope itemtype='http://schema.org/Product' itemref=more><h1 itemprop=name>A <b>b</b></h1>\
        <div itemprop=offers itemscope itemtype='schema.org/Offer'><meta itemprop=price content='5.00'><link itemprop=availability href='http://schema.org/InStock'></div>\
        <img itemprop='image' src=/1.jpg><img itemprop='image' src=/2.jpg></div><p id=more><span itemprop=sku>S</span></p>";
    let document = Document::parse(html);
    let things = things(&document);
    let product = &things[0].value;
    assert_eq!(text_of(product, "name").as_deref(), Some("A b"));
    assert_eq!(texts_of(product, "image"), ["/1.jpg", "/2.jpg"]);
    assert_eq!(text_of(product, "sku").as_deref(), Some("S"));
    assert_eq!(number_of(&product["offers"][0], "price"), Some(5.0));
    assert!(things[1].nested && things[1].is("offer"));
}

#[test]
fn rdfa_lite_reads_alike() {
    let document = Document::parse(
        "<div vocab='http://schema.org/' typeof=Product><span property=name>A</span><p property=offers typeof=Offer><span property=price content=3>three</span></p></div>",
    );
    let things = things(&document);
    assert_eq!(text_of(&things[0].value, "name").as_deref(), Some("A"));
    assert_eq!(number_of(&things[0].value["offers"][0], "price"), Some(3.0));
}

#[test]
fn items_in_items_under_many_names_stay_small() {
    for names in ["a", "a b", "a b c d e f g h"] {
        let open = format!("<div property='{names}' typeof=Offer><span property=price content=3></span>");
        let html = open.repeat(400);
        let document = Document::parse(&html);
        let things = things(&document);
        let size: usize = things.iter().map(|thing| thing.value.to_string().len()).sum();
        assert_eq!(things.len(), 400);
        assert_eq!(number_of(&things[398].value["a"][0], "price"), Some(3.0), "the inner ones come first");
        assert!(size < 24 << 20, "{names}: {size} bytes");
    }
}

#[test]
fn the_head_is_read_once() {
    let document = Document::parse(
        "<html lang=de-AT><head><title> A &amp; B </title><meta property=og:title content=C><meta name=og:title content=D><link rel='x canonical' href=/p></head>",
    );
    let url = url::Url::parse("https://shop.example/a?b").expect("an address");
    let meta = Meta::read(&document, Some(&url));
    assert_eq!(
        (meta.title.as_str(), meta.language.as_str(), meta.canonical.as_deref()),
        ("A & B", "de-AT", Some("https://shop.example/p"))
    );
    assert_eq!(meta.all("og:title"), ["C", "D"]);
    assert_eq!(meta.first(&["none", "og:title"]), Some(("og:title", "C")));
}

#[test]
fn json_behind_a_marker_is_found() {
    let document = Document::parse(
        "<script>var other = 1; window.state = {\"a\":[1,{\"b\":2}]}; more()</script><script id=data type=application/json>{\"c\":3}</script>",
    );
    let embedded = Embedded::default();
    assert_eq!(embedded.get(&document, "window.state").as_deref(), Some(&json!({"a": [1, {"b": 2}]})));
    assert_eq!(embedded.get(&document, "data").as_deref(), Some(&json!({"c": 3})));
    assert_eq!(embedded.get(&document, "nothing"), None);
}
