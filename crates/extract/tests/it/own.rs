//! The project's own small pages: each layer, each recipe's pages, each kind of obstacle.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};
use ukai_extract::{Page, Recipes, check_task_recipe, embedded_recipe_files, extract};

use crate::compare::plain;

/// A page with what it must give, stated in the comment on its first line.
struct Own {
    name: String,
    html: String,
    stated: Value,
}

fn own_pages() -> Vec<Own> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pages");
    let mut pages: Vec<Own> = std::fs::read_dir(folder)
        .expect("the folder of own pages")
        .map(|entry| {
            let path = entry.expect("an entry").path();
            let html = std::fs::read_to_string(&path).expect("a page");
            let (head, _) = html.split_once(" -->\n").expect("a first line of its own");
            let stated =
                serde_json::from_str(head.trim_start_matches("<!-- ")).expect("JSON in the first line");
            Own { name: path.file_stem().expect("a name").to_string_lossy().into_owned(), html, stated }
        })
        .collect();
    pages.sort_by(|a, b| a.name.cmp(&b.name));
    pages
}

#[test]
fn own_pages_give_what_they_state() {
    let recipes = Recipes::embedded();
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    for own in own_pages() {
        let expect = &own.stated["expect"];
        let status = own.stated["status"].as_u64().and_then(|status| u16::try_from(status).ok());
        let page = Page { html: &own.html, url: own.stated["url"].as_str(), status, headers: &[] };
        let got = extract(&page, &recipes);
        used.extend(got.reason.strip_prefix("recipe ").map(str::to_owned));
        let kind = serde_json::to_value(got.kind).expect("a word");
        let mut check = |what: &str, wanted: &Value, own_value: &Value| {
            if wanted != own_value {
                wrong.push(format!("{}: {what} is {own_value}, not {wanted} ({})", own.name, got.reason));
            }
        };
        check("verdict", &expect["verdict"], &Value::from(got.verdict.as_str()));
        check("kind", &expect["kind"], &kind);
        for (field, wanted) in expect["record"].as_object().into_iter().flatten() {
            check(field, wanted, &got.record[field]);
        }
        let text = plain(got.record["text"].as_str().unwrap_or(""));
        for words in expect["textContains"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            check(words, &Value::from(true), &Value::from(text.contains(&plain(words))));
        }
        for words in expect["textExcludes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            check(words, &Value::from(false), &Value::from(text.contains(&plain(words))));
        }
        for field in got
            .record
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, value)| !value.is_null())
            .map(|(field, _)| field)
        {
            let defaults = ["isAvailable", "imageUrls", "currency", "productTitle"];
            let sourced = got.sources.contains_key(field) || defaults.contains(&field.as_str());
            check(&format!("source of {field}"), &Value::from(true), &Value::from(sourced));
        }
    }
    for (file, _) in embedded_recipe_files() {
        let name = file.trim_end_matches(".toml");
        if !used.contains(name) {
            wrong.push(format!("no own page uses the recipe {name}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn a_page_without_its_address_is_read_as_well() {
    let html = "<h1>A</h1><script type='application/ld+json'>{\"@type\":\"Product\",\"name\":\"A\",\"offers\":{\"price\":\"5\",\"priceCurrency\":\"EUR\"}}</script><a href='/x'>x</a>";
    let got = extract(&Page::new(html, None), &Recipes::none());
    assert_eq!(
        got.product().map(|product| (product.product_title, product.price)),
        Some(("A".to_owned(), Some(5.0)))
    );
    assert_eq!(got.links, Vec::<String>::new());
}

#[test]
fn a_task_recipe_goes_first() {
    let html = "<p class=t>From the recipe</p><h1>From the page</h1><b class=x>12,50 €</b>";
    let text = "name = \"mine\"\n[[page]]\nkind = \"product\"\n[page.fields]\nproductTitle = \".t\"\nprice = \".x\"\n";
    let page = json!({ "kind": "product", "fields": { "productTitle": [{ "css": ".t" }], "price": ".x" } });
    let object = json!({ "name": "mine", "about": "the same", "page": [page] });
    let mut own = Recipes::embedded();
    own.add("lamps.toml", &format!("{text}[match]\nhosts = [\"lamps.example\"]\n").replace("mine", "lamps"))
        .unwrap();
    for (recipes, asked) in
        [(Recipes::none(), json!(text)), (Recipes::embedded(), object), (own, json!("lamps"))]
    {
        let recipes = recipes.for_task(&asked).expect("a sound recipe");
        let got = extract(&Page::new(html, Some("https://any.example/")), &recipes);
        let product = got.product().expect("a product");
        assert_eq!(
            (product.product_title.as_str(), product.price, product.currency.as_str()),
            ("From the recipe", Some(12.5), "EUR")
        );
    }
}

#[test]
fn a_task_recipe_that_cannot_be_used_says_why() {
    for (asked, words) in [
        (json!("lamps"), "no recipe here is named `lamps`"),
        (json!("name = \"x\""), "recipe:1:1: `page` is missing"),
        (json!({ "name": "x", "page": [{ "kind": "lamp" }] }), "unknown kind `lamp`"),
        (json!({ "name": "x", "page": [], "unheard": 1 }), "unknown key `unheard`"),
        (json!({ "name": "x", "page": [], "about": null }), "no null"),
        (json!(["amazon"]), "must be a recipe's name"),
        (json!(7), "must be a recipe's name"),
        (json!(""), "must be a recipe's name"),
    ] {
        let error = Recipes::embedded().for_task(&asked).unwrap_err();
        assert!(error.contains(words), "{asked}: {error}");
        assert_eq!(check_task_recipe(&asked).is_err(), asked != "lamps", "{asked}");
    }
}
