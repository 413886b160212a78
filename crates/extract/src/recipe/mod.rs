//! Site recipes: extraction rules as data, read from TOML, applied in front of all other layers.

mod apply;
mod builtin;
mod model;
mod parse;
mod path;

use std::sync::{Arc, LazyLock};

pub(crate) use apply::{apply, apply_items, page_of};
pub(crate) use model::{PageRecipe, Recipe};
pub use parse::RecipeError;

/// A set of recipes, looked up by a page's address and markers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Recipes {
    all: Vec<Arc<Recipe>>,
}

/// Compiled once: a hundred expressions take longer than a page.
static EMBEDDED: LazyLock<Recipes> = LazyLock::new(|| {
    let all = builtin::FILES
        .iter()
        .filter_map(|(file, text)| parse::parse(file, text).ok())
        .map(Arc::new)
        .collect();
    Recipes { all }
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
        Recipes { all: Vec::new() }
    }

    /// Adds a recipe in front of those that are there: it wins where both match a page, and replaces one of the
    /// same name. `file` names it in errors.
    pub fn add(&mut self, file: &str, text: &str) -> Result<(), RecipeError> {
        let recipe = Arc::new(parse::parse(file, text)?);
        self.all.retain(|known| known.name != recipe.name);
        self.all.insert(0, recipe);
        Ok(())
    }

    /// Adds the recipe of one task: it applies to the page whatever its address.
    pub fn with_task_recipe(&self, file: &str, text: &str) -> Result<Self, RecipeError> {
        let mut recipe = parse::parse(file, text)?;
        recipe.everywhere = true;
        let mut recipes = self.clone();
        recipes.all.insert(0, Arc::new(recipe));
        Ok(recipes)
    }

    /// The names, in the order in which they are tried.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|recipe| recipe.name.as_str())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Recipe> {
        self.all.iter().map(AsRef::as_ref)
    }
}

/// The embedded recipes as (file name, text): for `ukai extract --list-recipes`, and as examples to start from.
pub fn embedded_recipe_files() -> &'static [(&'static str, &'static str)] {
    builtin::FILES
}

#[cfg(test)]
mod tests;
