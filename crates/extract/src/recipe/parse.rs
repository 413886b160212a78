//! TOML to recipes; every complaint has a line.

use std::ops::Range;

use regex::{Regex, RegexBuilder};
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::model::{From, Items, PageRecipe, Reading, Recipe, Rule};
use super::path::JsonPath;
use crate::extraction::Kind;
use crate::html::Selector;

/// Bytes of one recipe.
const MAX_BYTES: usize = 256 << 10;
/// Compiled size of one regular expression.
const MAX_REGEX: usize = 1 << 20;

/// A recipe that can't be used, with the place in its file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {message}")]
pub struct RecipeError {
    /// The name that the caller gave the text.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// Where in the text, and what.
type Complaint = (Range<usize>, String);
type Checked<T> = Result<T, Complaint>;
type Node<'t, 'i> = &'t Spanned<DeValue<'i>>;

/// Parses and checks a recipe.
pub(super) fn parse(file: &str, text: &str) -> Result<Recipe, RecipeError> {
    let place = |(span, message): Complaint| {
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        RecipeError { file: file.to_owned(), line, column, message }
    };
    if text.len() > MAX_BYTES {
        return Err(place((0..0, format!("a recipe has at most {MAX_BYTES} bytes"))));
    }
    let table = DeTable::parse(text)
        .map_err(|error| place((error.span().unwrap_or(0..0), error.message().to_owned())))?;
    recipe(table.get_ref(), table.span()).map_err(place)
}

/// A table whose keys must all be asked for.
struct Table<'t, 'i> {
    table: &'t DeTable<'i>,
    span: Range<usize>,
}

impl<'t, 'i> Table<'t, 'i> {
    fn of(node: Node<'t, 'i>) -> Checked<Self> {
        match node.get_ref() {
            DeValue::Table(table) => Ok(Table { table, span: node.span() }),
            _ => Err((node.span(), "a table is expected here".to_owned())),
        }
    }

    fn allow(&self, keys: &[&str]) -> Checked<()> {
        match self.table.iter().find(|(key, _)| !keys.contains(&key.get_ref().as_ref())) {
            Some((key, _)) => {
                Err((key.span(), format!("unknown key `{}`; known here: {}", key.get_ref(), keys.join(", "))))
            }
            None => Ok(()),
        }
    }

    fn get(&self, name: &str) -> Option<Node<'t, 'i>> {
        self.table.iter().find(|(key, _)| key.get_ref().as_ref() == name).map(|(_, value)| value)
    }

    fn need(&self, name: &str) -> Checked<Node<'t, 'i>> {
        self.get(name).ok_or_else(|| (self.span.clone(), format!("`{name}` is missing")))
    }

    fn selector(&self, name: &str) -> Checked<Option<Selector>> {
        self.get(name).map(selector).transpose()
    }
}

fn recipe(table: &DeTable<'_>, span: Range<usize>) -> Checked<Recipe> {
    let table = Table { table, span };
    table.allow(&["name", "about", "match", "page"])?;
    let name = string(table.need("name")?)?.to_owned();
    let (mut hosts, mut markers) = (Vec::new(), Vec::new());
    if let Some(node) = table.get("match") {
        let matching = Table::of(node)?;
        matching.allow(&["hosts", "markers"])?;
        hosts = matching.get("hosts").map(strings).transpose()?.unwrap_or_default();
        for node in matching.get("markers").map(array).transpose()?.unwrap_or_default() {
            markers.push(selector(node)?);
        }
    }
    let pages = array(table.need("page")?)?.into_iter().map(page).collect::<Checked<Vec<_>>>()?;
    Ok(Recipe { name, hosts, markers, pages })
}

fn page(node: Node<'_, '_>) -> Checked<PageRecipe> {
    let table = Table::of(node)?;
    table.allow(&["kind", "url", "when", "unless", "only", "fields", "items"])?;
    let kind = table.need("kind")?;
    let kind = match string(kind)? {
        "product" => Kind::Product,
        "listing" => Kind::Listing,
        "post" => Kind::Post,
        "video" => Kind::Video,
        "article" => Kind::Article,
        "page" => Kind::Page,
        other => return Err((kind.span(), format!("unknown kind `{other}`"))),
    };
    let items = table.get("items").map(items).transpose()?;
    Ok(PageRecipe {
        kind,
        url: table.get("url").map(expression).transpose()?,
        when: table.selector("when")?,
        unless: table.selector("unless")?,
        only: table.get("only").map(strings).transpose()?.unwrap_or_default(),
        fields: table.get("fields").map(fields).transpose()?.unwrap_or_default(),
        items,
    })
}

fn items(node: Node<'_, '_>) -> Checked<Items> {
    let table = Table::of(node)?;
    table.allow(&["each", "skip", "sponsored", "fields"])?;
    Ok(Items {
        each: selector(table.need("each")?)?,
        skip: table.selector("skip")?,
        sponsored: table.selector("sponsored")?,
        fields: table.get("fields").map(fields).transpose()?.unwrap_or_default(),
    })
}

fn fields(node: Node<'_, '_>) -> Checked<Vec<(String, Vec<Rule>)>> {
    let table = Table::of(node)?;
    let mut fields = Vec::new();
    for (key, value) in table.table.iter() {
        let rules = match value.get_ref() {
            DeValue::Array(many) => many.iter().map(rule).collect::<Checked<Vec<_>>>()?,
            _ => vec![rule(value)?],
        };
        fields.push((key.get_ref().as_ref().to_owned(), rules));
    }
    Ok(fields)
}

fn rule(node: Node<'_, '_>) -> Checked<Rule> {
    if let DeValue::String(text) = node.get_ref() {
        let from = From::Css { selector: selector(node)?, attrs: Vec::new() };
        return Ok(Rule {
            from,
            not: None,
            regex: None,
            replace: None,
            reading: None,
            all: false,
            value: None,
            label: text.to_string(),
        });
    }
    let table = Table::of(node)?;
    table.allow(&[
        "css", "attr", "script", "path", "meta", "url", "not", "regex", "replace", "as", "all", "value",
    ])?;
    let (from, label) = source(&table)?;
    let replace = table.get("replace").map(string).transpose()?.map(str::to_owned);
    Ok(Rule {
        from,
        label,
        not: table.selector("not")?,
        regex: table.get("regex").map(expression).transpose()?,
        replace,
        reading: table.get("as").map(reading).transpose()?,
        all: table.get("all").is_some_and(|node| matches!(node.get_ref(), DeValue::Boolean(true))),
        value: table.get("value").map(constant).transpose()?,
    })
}

fn source(table: &Table<'_, '_>) -> Checked<(From, String)> {
    let given: Vec<&str> =
        ["css", "script", "meta", "url"].into_iter().filter(|key| table.get(key).is_some()).collect();
    if given.len() != 1 {
        return Err((table.span.clone(), "a rule has exactly one of css, script, meta, url".to_owned()));
    }
    let path = table
        .get("path")
        .map(|node| JsonPath::parse(string(node)?).map_err(|message| (node.span(), message)))
        .transpose()?;
    if let Some(node) = table.get("css") {
        let label = string(node)?.to_owned();
        let selector = selector(node)?;
        let attrs = match table.get("attr") {
            None => Vec::new(),
            Some(node) if matches!(node.get_ref(), DeValue::Array(_)) => strings(node)?,
            Some(node) => vec![string(node)?.to_owned()],
        };
        return Ok(match (path, attrs.first()) {
            (Some(path), Some(attr)) => (From::Attribute { selector, attr: attr.clone(), path }, label),
            (Some(_), None) => return Err((node.span(), "`path` beside `css` needs `attr`".to_owned())),
            (None, _) => (From::Css { selector, attrs }, label),
        });
    }
    if let Some(node) = table.get("script") {
        let marker = string(node)?.to_owned();
        let Some(path) = path else { return Err((table.span.clone(), "`script` needs `path`".to_owned())) };
        let label = format!("script {marker}");
        return Ok((From::Script { marker, path }, label));
    }
    if let Some(node) = table.get("meta") {
        let name = string(node)?.to_ascii_lowercase();
        let label = format!("meta {name}");
        return Ok((From::Meta(name), label));
    }
    Ok((From::Url, "address".to_owned()))
}

fn reading(node: Node<'_, '_>) -> Checked<Reading> {
    Ok(match string(node)? {
        "text" => Reading::Text,
        "lines" => Reading::Lines,
        "price" => Reading::Price,
        "number" => Reading::Number,
        "count" => Reading::Count,
        "rating" => Reading::Rating,
        "url" => Reading::Url,
        "date" => Reading::Date,
        "duration" => Reading::Duration,
        other => return Err((node.span(), format!("unknown reading `{other}`"))),
    })
}

fn constant(node: Node<'_, '_>) -> Checked<Value> {
    match node.get_ref() {
        DeValue::String(text) => Ok(Value::from(text.as_ref())),
        DeValue::Boolean(truth) => Ok(Value::from(*truth)),
        DeValue::Integer(number) => Ok(number.as_str().parse::<i64>().map_or(Value::Null, Value::from)),
        _ => Err((node.span(), "a text, a number or a truth is expected here".to_owned())),
    }
}

fn string<'t>(node: Node<'t, '_>) -> Checked<&'t str> {
    match node.get_ref() {
        DeValue::String(text) => Ok(text.as_ref()),
        _ => Err((node.span(), "a text is expected here".to_owned())),
    }
}

fn array<'t, 'i>(node: Node<'t, 'i>) -> Checked<Vec<Node<'t, 'i>>> {
    match node.get_ref() {
        DeValue::Array(many) => Ok(many.iter().collect()),
        _ => Err((node.span(), "a list is expected here".to_owned())),
    }
}

fn strings(node: Node<'_, '_>) -> Checked<Vec<String>> {
    array(node)?.into_iter().map(|node| string(node).map(str::to_owned)).collect()
}

fn selector(node: Node<'_, '_>) -> Checked<Selector> {
    Selector::parse(string(node)?).map_err(|error| (node.span(), error.to_string()))
}

fn expression(node: Node<'_, '_>) -> Checked<Regex> {
    let built = RegexBuilder::new(string(node)?).size_limit(MAX_REGEX).build();
    built.map_err(|error| {
        (node.span(), error.to_string().lines().last().unwrap_or("bad expression").trim().to_owned())
    })
}
