//! Recipes: all embedded ones are sound, and a wrong one says where.

use super::{Recipes, builtin, parse};

#[test]
fn every_embedded_recipe_is_sound() {
    for (file, text) in builtin::FILES {
        if let Err(error) = parse::parse(file, text) {
            panic!("{error}");
        }
    }
    assert_eq!(Recipes::embedded().names().count(), builtin::FILES.len());
}

#[test]
fn a_wrong_recipe_says_where() {
    for (text, place, words) in [
        (
            "name = \"a\"\n[[page]]\nkind = \"product\"\n[page.fields]\nprice = \"a[\"\n",
            "t.toml:5:9",
            "a name is missing",
        ),
        ("name = \"a\"\n[[page]]\nkind = \"shoe\"\n", "t.toml:3:8", "unknown kind"),
        ("name = \"a\"\n[[page]]\nkind = \"product\"\ncolour = 1\n", "t.toml:4:1", "unknown key `colour`"),
        ("name = \"a\n", "t.toml:1:", ""),
        ("[[page]]\nkind = \"product\"\n", "t.toml:1:1", "`name` is missing"),
        ("name = \"a\"\n[[page]]\nkind = \"product\"\nurl = \"(\"\n", "t.toml:4:7", "unclosed group"),
        (
            "name = \"a\"\n[[page]]\nkind = \"product\"\n[page.fields]\nprice = { script = \"x\" }\n",
            "t.toml:5:9",
            "needs `path`",
        ),
        (
            "name = \"a\"\n[[page]]\nkind = \"product\"\n[page.fields]\nprice = [{ meta = \"x\", css = \"a\" }]\n",
            "t.toml:5:10",
            "exactly one",
        ),
    ] {
        let error = parse::parse("t.toml", text).expect_err(text).to_string();
        assert!(error.starts_with(place) && error.contains(words), "{text}\n{error}");
    }
}

#[test]
fn an_added_recipe_replaces_its_namesake_and_goes_first() {
    let mut recipes = Recipes::embedded();
    let count = recipes.names().count();
    recipes.add("own.toml", "name = \"own\"\n[[page]]\nkind = \"page\"\n").expect("a recipe");
    recipes.add("own.toml", "name = \"own\"\n[[page]]\nkind = \"product\"\n").expect("a recipe");
    assert_eq!(recipes.names().count(), count + 1);
    assert_eq!(recipes.names().next(), Some("own"));
}
