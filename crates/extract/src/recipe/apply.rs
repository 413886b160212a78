//! A recipe's rules on a page.

use serde_json::{Map, Value};

use super::Recipes;
use super::model::{From, PageRecipe, Reading, Recipe, Rule};
use crate::context::Context;
use crate::extraction::Kind;
use crate::html::{Document, NodeId, collapse};
use crate::money::parse_at;
use crate::reading;

/// Items of one list.
const MAX_ITEMS: usize = 2_000;
/// Values of one rule with `all`.
const MAX_VALUES: usize = 40;

/// A field's value, with the rule that found it.
pub(crate) struct Found {
    pub(crate) field: String,
    pub(crate) value: Value,
    pub(crate) rule: String,
}

/// The first page rules that fit the page, and the recipe's name.
pub(crate) fn page_of<'r>(
    context: &Context<'_>,
    recipes: &'r Recipes,
) -> Option<(&'r Recipe, &'r PageRecipe)> {
    let known = recipes.iter().filter(|recipe| knows(context, recipe));
    recipes.asked.as_deref().into_iter().chain(known).find_map(|recipe| {
        let page = recipe.pages.iter().find(|page| fits(context, page))?;
        Some((recipe, page))
    })
}

fn knows(context: &Context<'_>, recipe: &Recipe) -> bool {
    recipe.hosts.iter().any(|pattern| host_matches(pattern, context.host()))
        || recipe.markers.iter().any(|marker| context.document.first(Document::ROOT, marker).is_some())
}

/// `amazon.*` knows `amazon.co.jp`; `*.amazon.*` its sub-domains; a plain host also its sub-domains.
fn host_matches(pattern: &str, host: &str) -> bool {
    if host.is_empty() {
        return false;
    }
    let (front, back) = match pattern.split_once('*') {
        None => return host == pattern || host.strip_suffix(pattern).is_some_and(|rest| rest.ends_with('.')),
        Some(parts) => parts,
    };
    if front.is_empty() {
        // `*.amazon.*` and `*.booth.pm`.
        return match back.split_once('*') {
            None => host.ends_with(back),
            Some((middle, _)) => host.contains(middle),
        };
    }
    let tail = host
        .strip_prefix(front)
        .or_else(|| host.find(&format!(".{front}")).map(|at| &host[at + 1 + front.len()..]));
    tail.is_some_and(|tail| back.is_empty() && tail.split('.').count() <= 2 && !tail.is_empty())
}

fn fits(context: &Context<'_>, page: &PageRecipe) -> bool {
    let there = |selector: &crate::html::Selector| context.document.first(Document::ROOT, selector).is_some();
    page.url.as_ref().is_none_or(|url| context.url.is_none() || url.is_match(&context.path()))
        && page.when.as_ref().is_none_or(there)
        && !page.unless.as_ref().is_some_and(there)
}

/// The fields that the page's rules find; of a price also its currency.
pub(crate) fn apply(context: &Context<'_>, page: &PageRecipe) -> Vec<Found> {
    fields(context, Document::ROOT, &page.fields)
}

/// The items of a list, each an object with the fields of its rules and `sponsored`.
pub(crate) fn apply_items(context: &Context<'_>, page: &PageRecipe) -> Option<Vec<Map<String, Value>>> {
    let items = page.items.as_ref()?;
    let document = &context.document;
    let mut out = Vec::new();
    for id in document.select(Document::ROOT, &items.each).into_iter().take(MAX_ITEMS) {
        if items
            .skip
            .as_ref()
            .is_some_and(|skip| document.matches(id, skip) || document.first(id, skip).is_some())
        {
            continue;
        }
        let mut item: Map<String, Value> =
            fields(context, id, &items.fields).into_iter().map(|found| (found.field, found.value)).collect();
        if let Some(sponsored) = &items.sponsored {
            let is = document.matches(id, sponsored) || document.first(id, sponsored).is_some();
            item.insert("sponsored".to_owned(), Value::from(is));
        }
        out.push(item);
    }
    Some(out)
}

fn fields(context: &Context<'_>, scope: NodeId, fields: &[(String, Vec<Rule>)]) -> Vec<Found> {
    let mut out: Vec<Found> = Vec::new();
    for (field, rules) in fields {
        for rule in rules {
            let reading = rule.reading.unwrap_or(Reading::of_field(field));
            let values = read(context, scope, rule, reading);
            let Some((value, code)) = values.into_iter().next() else { continue };
            if let (Some(code), true) = (code, field == "price")
                && !out.iter().any(|found| found.field == "currency")
            {
                out.push(Found {
                    field: "currency".to_owned(),
                    value: Value::from(code),
                    rule: rule.label.clone(),
                });
            }
            out.push(Found { field: field.clone(), value, rule: rule.label.clone() });
            break;
        }
    }
    out
}

/// The rule's values; several only where the rule asks for all, then as one array.
fn read(context: &Context<'_>, scope: NodeId, rule: &Rule, reading: Reading) -> Vec<(Value, Option<String>)> {
    let limit = if rule.all { MAX_VALUES } else { 1 };
    let mut values: Vec<(Value, Option<String>)> = Vec::new();
    for text in texts(context, scope, rule, reading) {
        if values.len() >= limit {
            break;
        }
        if let Some(constant) = &rule.value {
            if rule.regex.as_ref().is_none_or(|regex| regex.is_match(&text)) {
                values.push((constant.clone(), None));
            }
            continue;
        }
        let Some(text) = cut(rule, text) else { continue };
        if let Some(value) = convert(context, &text, reading)
            && !values.contains(&value)
        {
            values.push(value);
        }
    }
    if rule.all && !values.is_empty() {
        return vec![(Value::Array(values.into_iter().map(|(value, _)| value).collect()), None)];
    }
    values
}

/// What the rule's expression leaves of a text.
fn cut(rule: &Rule, text: String) -> Option<String> {
    let Some(regex) = &rule.regex else { return Some(text) };
    let groups = regex.captures(&text)?;
    if let Some(replace) = &rule.replace {
        let mut out = String::new();
        groups.expand(replace, &mut out);
        return Some(out);
    }
    groups.iter().skip(1).flatten().next().or_else(|| groups.get(0)).map(|found| found.as_str().to_owned())
}

fn texts(context: &Context<'_>, scope: NodeId, rule: &Rule, reading: Reading) -> Vec<String> {
    let document = &context.document;
    let wanted = |id: &NodeId| {
        !rule.not.as_ref().is_some_and(|not| {
            document.matches(*id, not) || document.ancestors(*id).any(|id| document.matches(id, not))
        })
    };
    match &rule.from {
        From::Css { selector, attrs } => {
            let mut found = document.select(scope, selector);
            // A card may itself be the link that its rule names.
            if scope != Document::ROOT && document.matches(scope, selector) {
                found.insert(0, scope);
            }
            let of_element = |id: NodeId| {
                if attrs.is_empty() {
                    Some(if reading == Reading::Lines {
                        document.lines(id, |_| false)
                    } else {
                        document.text(id)
                    })
                } else {
                    attrs.iter().find_map(|attr| {
                        document
                            .attr(id, attr)
                            .map(|value| collapse(&value))
                            .filter(|value| !value.is_empty())
                    })
                }
            };
            found
                .into_iter()
                .filter(wanted)
                .filter_map(of_element)
                .filter(|text| !text.is_empty() || rule.value.is_some())
                .collect()
        }
        From::Script { marker, path } => context
            .embedded
            .get(document, marker)
            .map(|value| path.find(&value).into_iter().filter_map(text_of).collect())
            .unwrap_or_default(),
        From::Attribute { selector, attr, path } => document
            .select(scope, selector)
            .into_iter()
            .filter(wanted)
            .filter_map(|id| document.attr(id, attr))
            .filter_map(|text| serde_json::from_str::<Value>(&text).ok())
            .flat_map(|value| path.find(&value).into_iter().filter_map(text_of).collect::<Vec<_>>())
            .collect(),
        From::Meta(name) => context.meta.all(name).to_vec(),
        From::Url => context.url.iter().map(url::Url::to_string).collect(),
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => runs(value),
    }
}

/// Text in pieces: `{"runs": [{"text"}, …]}`, `{"simpleText"}`.
fn runs(value: &Value) -> Option<String> {
    if let Some(text) = value
        .get("simpleText")
        .or_else(|| value.get("text"))
        .or_else(|| value.get("content"))
        .and_then(Value::as_str)
    {
        return Some(text.to_owned());
    }
    let runs = value.get("runs")?.as_array()?;
    Some(runs.iter().filter_map(|run| run.get("text").and_then(Value::as_str)).collect())
}

/// A text as the reading's value, with the currency where it is a price.
fn convert(context: &Context<'_>, text: &str, reading: Reading) -> Option<(Value, Option<String>)> {
    let value = match reading {
        Reading::Text => Value::from(collapse(text)),
        Reading::Lines => Value::from(text.trim()),
        Reading::Price => {
            let price = parse_at(text, None, &context.site);
            return price.amount.map(|amount| (Value::from(amount), price.currency_code));
        }
        Reading::Number => text
            .trim()
            .parse::<f64>()
            .ok()
            .or_else(|| parse_at(text, None, &context.site).amount)
            .map(Value::from)?,
        Reading::Count => Value::from(reading::count(text)?),
        Reading::Rating => Value::from(reading::rating(text)?),
        Reading::Url => Value::from(context.absolute(text)?),
        Reading::Date => Value::from(reading::instant(text)?),
        Reading::Duration => Value::from(reading::duration(text)?),
    };
    let is_empty = value.as_str().is_some_and(str::is_empty);
    (!is_empty).then_some((value, None))
}

/// The kind that the rules give the page.
impl PageRecipe {
    /// Whether the rules are for a list.
    pub(crate) fn is_listing(&self) -> bool {
        self.kind == Kind::Listing
    }
}
