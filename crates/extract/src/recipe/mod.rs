//! Site recipes: extraction rules as data, read from TOML, applied in front of all other layers.

mod apply;
mod builtin;
mod model;
mod parse;
mod path;
mod task;

use std::sync::{Arc, LazyLock};

pub(crate) use apply::{apply, apply_items, page_of};
pub(crate) use model::{PageRecipe, Recipe};
pub use parse::RecipeError;
use task::Asked;
pub use task::check_task_recipe;

/// A set of recipes, looked up by a page's address and markers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Recipes {
    all: Vec<Arc<Recipe>>,
    /// What one task asks for: in front of all, whatever the address.
    asked: Option<Arc<Recipe>>,
}

/// Compiled once: a hundred expressions take longer than a page.
static EMBEDDED: LazyLock<Recipes> = LazyLock::new(|| {
    let all = builtin::FILES
        .iter()
        .filter_map(|(file, text)| parse::parse(file, text).ok())
        .map(Arc::new)
        .collect();
    Recipes { all, asked: None }
});

impl Default for Recipes {
    fn default() -> Self {
        Recipes::embedded()
    }
}

impl Recipes {
    /// The recipes that come with Ukai. One that can't be read is left out; a test reads them all.
    pub fn embedded() -> Self {
        EMBEDDED.clone()
    }

    /// No recipe at all: only the general layers.
    pub fn none() -> Self {
        Recipes { all: Vec::new(), asked: None }
    }

    /// Adds a recipe in front of those that are there: it wins where both match a page, and replaces one of the
    /// same name. `file` names it in errors.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), RecipeError> {
        let recipe = Arc::new(parse::parse(file, text)?);
        self.all.retain(|known| known.name != recipe.name);
        self.all.insert(0, recipe);
        Ok(())
    }

    /// These with the recipe that a task asks for in front: it applies to the page whatever its address. Says what is
    /// wrong with a recipe that can't be used, or that none of these has the name.
    pub fn for_task(&self, asked: &serde_json::Value) -> Result<Self, String> {
        let recipe = match task::read(asked)? {
            Asked::Own(recipe) => Arc::new(recipe),
            Asked::Named(name) => {
                let named = self.all.iter().find(|known| known.name == name);
                Arc::clone(named.ok_or_else(|| format!("no recipe here is named `{name}`"))?)
            }
        };
        Ok(Self { all: self.all.clone(), asked: Some(recipe) })
    }

    /// The names, in the order in which they are tried.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|recipe| recipe.name.as_str())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Recipe> {
        self.all.iter().map(AsRef::as_ref)
    }
}

/// The embedded recipes as (file name, text): examples to start from, and what tests and fuzzing begin with.
pub fn embedded_recipe_files() -> &'static [(&'static str, &'static str)] {
    builtin::FILES
}

#[cfg(test)]
mod tests;
