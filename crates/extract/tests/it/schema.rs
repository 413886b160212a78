//! The recipes' JSON Schema says what the reader of recipes accepts.

use serde_json::Value;
use ukai_extract::{Recipes, embedded_recipe_files};

fn schema() -> jsonschema::Validator {
    let text = include_str!("../../../../recipes/recipe.schema.json");
    let schema: Value = serde_json::from_str(text).expect("JSON");
    jsonschema::validator_for(&schema).expect("a schema")
}

fn as_json(text: &str) -> Value {
    toml::from_str(text).expect("TOML")
}

#[test]
fn the_schema_accepts_every_embedded_recipe() {
    let schema = schema();
    for (file, text) in embedded_recipe_files() {
        let errors: Vec<String> = schema
            .iter_errors(&as_json(text))
            .map(|error| format!("{file} {}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{}", errors.join("\n"));
    }
}

#[test]
fn schema_and_reader_refuse_alike() {
    let schema = schema();
    for (text, good) in [
        ("name = \"a\"\n[[page]]\nkind = \"product\"", true),
        (
            "name = \"a\"\n[[page]]\nkind = \"product\"\n[page.fields]\na = { css = \"b\", attr = [\"c\"], regex = \"d\", as = \"text\" }",
            true,
        ),
        ("name = \"a\"\n[[page]]\nkind = \"product\"\n[page.items]\neach = \"li\"", true),
        ("[[page]]\nkind = \"product\"", false),
        ("name = \"a\"", false),
        ("name = \"a\"\ncolour = 1\n[[page]]\nkind = \"product\"", false),
        ("name = \"a\"\n[[page]]\nkind = \"shoe\"", false),
        ("name = \"a\"\n[[page]]\nkind = \"product\"\n[page.fields]\na = { attr = \"c\" }", false),
        (
            "name = \"a\"\n[[page]]\nkind = \"product\"\n[page.fields]\na = { css = \"b\", meta = \"c\" }",
            false,
        ),
        ("name = \"a\"\n[[page]]\nkind = \"product\"\n[page.fields]\na = { script = \"b\" }", false),
        (
            "name = \"a\"\n[[page]]\nkind = \"product\"\n[page.fields]\na = { css = \"b\", as = \"colour\" }",
            false,
        ),
        ("name = \"a\"\n[[page]]\nkind = \"product\"\n[page.items]\nskip = \"li\"", false),
    ] {
        assert_eq!(schema.is_valid(&as_json(text)), good, "schema: {text}");
        assert_eq!(Recipes::none().add("a.toml", text).is_ok(), good, "reader: {text}");
    }
}
