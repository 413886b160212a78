//! Pages to records: the public surface of the crate, and the only module that knows all layers.
#![doc = include_str!("../README.md")]

mod article;
mod context;
mod decoding;
mod draft;
mod extraction;
mod html;
mod links;
mod listing;
mod media;
mod money;
mod product;
mod reading;
mod recipe;
mod structured;
mod verdict;

pub use decoding::decode_page;
pub use extraction::{Extraction, Kind, Layer, Page, Product, Source, Verdict};
pub use money::{Price, parse_price};
pub use recipe::{RecipeError, Recipes, check_task_recipe, embedded_recipe_files};

use context::Context;
use draft::Draft;
use links::Links;
use product::{label_of, titled, without_site};
use recipe::{PageRecipe, Recipe};
use structured::{texts_of as structured_texts, values as structured_values};
use verdict::Shape;

/// Reads one page: its verdict first, then, where it is a page at all, its records.
///
/// Never fails and never panics: a page that says nothing has the verdict [`Verdict::Empty`].
pub fn extract(page: &Page<'_>, recipes: &Recipes) -> Extraction {
    let mut context = Context::new(page);
    let matched = recipe::page_of(&context, recipes);
    let mut draft = Draft::default();
    let mut list = None;
    if let Some((recipe, rules)) = matched {
        list = from_recipe(&context, recipe, rules, &mut draft);
    }
    let kind = kind_of(&context, matched.map(|(_, rules)| rules), &draft, &mut list);

    let described = match kind {
        Kind::Product => {
            product::main_product(&context).is_some()
                || (draft.has("productTitle") && (draft.has("price") || draft.has("imageUrls")))
        }
        Kind::Listing => true,
        Kind::Video => draft.has("title") || media::main_video(&context).is_some(),
        Kind::Post => draft.has("text") || draft.has("title") || media::main_post(&context).is_some(),
        Kind::Article => article::main_article(&context).is_some(),
        Kind::Page | Kind::Block => false,
    };
    let shape = Shape::of(&context, described);
    if let Some((verdict, reason)) = verdict::obstacle(&context, page, &shape) {
        let Links { all: links, nofollow } = Links::of(&context, page);
        return Extraction { links, nofollow, ..Extraction::empty(verdict, reason) };
    }
    if verdict::is_empty(&context, &shape) {
        return Extraction::empty(Verdict::Empty, "no text, no picture, no description");
    }

    context.site.currency = draft.text("currency").map(str::to_owned);
    let mut records = Vec::new();
    let mut next = None;
    let fields: &[&str] = match kind {
        Kind::Product => {
            product::fill(&context, &mut draft);
            &product::FIELDS
        }
        Kind::Listing => {
            if let Some(list) = list {
                records = listing::fill(&context, list, &mut draft);
            }
            next = next_of(&context, &mut draft);
            &listing::FIELDS
        }
        Kind::Video => {
            media::fill_video(&context, &mut draft);
            if let Some(day) = draft.text("publishedAt").and_then(reading::day) {
                draft.change("publishedAt", day);
            }
            &media::VIDEO
        }
        Kind::Post => {
            media::fill_post(&context, &mut draft);
            &media::POST
        }
        Kind::Article | Kind::Page | Kind::Block => {
            article::fill(&context, &mut draft);
            next = listing::next_page(&context).map(|(url, _)| url);
            &article::FIELDS
        }
    };
    // An address alone is no post: the page didn't come with its content.
    if matches!(kind, Kind::Post | Kind::Video) && !draft.has("text") && !draft.has("title") {
        return Extraction::empty(Verdict::Empty, "neither text nor title");
    }
    let is_text = context.document.is_html() && article::is_long(&draft);
    let kind = if kind == Kind::Page && is_text { Kind::Article } else { kind };
    let (mut record, sources) = draft.finish(fields);
    if kind == Kind::Product {
        as_contract(&mut record);
    }
    let reason = match matched {
        Some((recipe, _)) => format!("recipe {}", recipe.name),
        None => "content".to_owned(),
    };
    let Links { all: links, nofollow } = Links::of(&context, page);
    Extraction {
        verdict: Verdict::Ok,
        reason,
        kind,
        record,
        records,
        links,
        nofollow,
        sources,
        next_page: next,
    }
}

/// Fills a draft by the recipe's rules, and gives the list where they describe one.
fn from_recipe(
    context: &Context<'_>,
    recipe: &Recipe,
    rules: &PageRecipe,
    draft: &mut Draft,
) -> Option<listing::List> {
    for found in recipe::apply(context, rules) {
        let value = match (found.field.as_str(), found.value) {
            ("imageUrls", serde_json::Value::String(url)) => serde_json::json!([url]),
            (_, value) => value,
        };
        draft.offer(&found.field, value, Layer::Recipe, 0.95, &format!("{}: {}", recipe.name, found.rule));
    }
    for field in &rules.only {
        draft.seal(field);
    }
    let items = recipe::apply_items(context, rules)?;
    Some(listing::List { items, layer: Layer::Recipe, rule: format!("{}: items", recipe.name) })
}

/// What the page is about: the recipe says so, or what it describes, or its shape.
fn kind_of(
    context: &Context<'_>,
    rules: Option<&PageRecipe>,
    draft: &Draft,
    list: &mut Option<listing::List>,
) -> Kind {
    if let Some(rules) = rules {
        if !rules.is_listing() {
            return rules.kind;
        }
        if list.as_ref().is_some_and(|list| !list.items.is_empty()) {
            return Kind::Listing;
        }
    }
    let og = context.meta.get("og:type").unwrap_or("").to_ascii_lowercase();
    let products = context.things.iter().filter(|thing| thing.is("Product") && !thing.nested).count();
    let is_product =
        product::main_product(context).is_some() && (products <= 3 || product::is_named(context));
    if is_product
        || og.starts_with("product") && !og.contains("group")
        || og.ends_with(":product")
        || draft.has("price")
    {
        return Kind::Product;
    }
    if media::main_post(context).is_some() {
        return Kind::Post;
    }
    if article::main_article(context).is_some() {
        return Kind::Article;
    }
    if media::main_video(context).is_some() && og.starts_with("video") {
        return Kind::Video;
    }
    let can_be_bought = product::can_be_bought(&context.document);
    if og == "article" && !can_be_bought {
        return Kind::Article;
    }
    let found = listing::cards(context);
    let cards = found.as_ref().map_or(0, |list| list.items.len());
    if cards < 12 && can_be_bought && product::shows_price(context) {
        return Kind::Product;
    }
    if cards >= 3 && og != "article" {
        *list = found;
        return Kind::Listing;
    }
    if let Some(described) = listing::described(context).filter(|_| og != "article") {
        *list = Some(described);
        return Kind::Listing;
    }
    if !context.document.is_html() {
        return Kind::Page;
    }
    if og == "article" { Kind::Article } else { Kind::Page }
}

/// The next page: the recipe's, unless it left that open.
fn next_of(context: &Context<'_>, draft: &mut Draft) -> Option<String> {
    if draft.lacks("nextPageUrl")
        && let Some((url, rule)) = listing::next_page(context)
    {
        draft.offer("nextPageUrl", url, Layer::Text, 0.8, &rule);
    }
    draft.text("nextPageUrl").map(str::to_owned)
}

/// The contract knows no `null` for title and currency, and no absent list of pictures.
fn as_contract(record: &mut serde_json::Value) {
    for field in ["productTitle", "currency"] {
        if record[field].is_null() {
            record[field] = serde_json::Value::from("");
        }
    }
    if record["imageUrls"].is_null() {
        record["imageUrls"] = serde_json::json!([]);
    }
    if record["isAvailable"].is_null() {
        record["isAvailable"] = serde_json::Value::from(false);
    }
}
