//! The recipe that a task asks for: the name of one, or one of its own as TOML or as JSON.

use serde_json::Value;

use super::model::Recipe;
use super::parse;

/// Characters of a recipe's name.
const MAX_NAME: usize = 200;
/// What a complaint about a task's recipe calls it.
const FILE: &str = "recipe";

/// What a task asks for.
pub(super) enum Asked<'a> {
    /// A recipe of whoever reads the page.
    Named(&'a str),
    /// One that it brings along.
    Own(Recipe),
}

/// Whether a task may ask for this. Whether a recipe of that name is known is for the worker to say: it may have its own.
pub fn check_task_recipe(asked: &Value) -> Result<(), String> {
    read(asked).map(|_| ())
}

/// Text with an `=` is a recipe in TOML, any other a name; an object is a recipe as JSON.
pub(super) fn read(asked: &Value) -> Result<Asked<'_>, String> {
    match asked {
        Value::String(text) if text.contains('=') => {
            parse::parse(FILE, text).map(Asked::Own).map_err(|error| error.to_string())
        }
        Value::String(name)
            if !name.trim().is_empty()
                && name.chars().count() <= MAX_NAME
                && !name.contains(char::is_control) =>
        {
            Ok(Asked::Named(name))
        }
        Value::Object(_) => {
            let text = toml::to_string(asked)
                .map_err(|_| "TOML has no null, and no number this large".to_owned())?;
            // Lines of a text that the sender never saw would say nothing.
            parse::parse(FILE, &text).map(Asked::Own).map_err(|error| error.message)
        }
        _ => Err(format!(
            "must be a recipe's name of 1 to {MAX_NAME} characters, a recipe as TOML, or as an object"
        )),
    }
}
