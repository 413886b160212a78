//! Site recipes: extraction rules as data.

/// A set of recipes, looked up by a page's address.
#[derive(Debug, Clone, Default)]
pub struct Recipes {}

/// A recipe that can't be used, with the place in its file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct RecipeError {
    /// The name that the caller gave the text.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl Recipes {
    /// The recipes that come with Ukai.
    pub fn embedded() -> Self {
        Recipes {}
    }

    /// Adds a recipe, in front of those that are there: it wins where both match a page.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), RecipeError> {
        let _ = (file, text);
        Ok(())
    }
}
