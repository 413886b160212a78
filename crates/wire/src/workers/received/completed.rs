//! `task:completed`: the result is checked against the contract and passed on as the text that it came as.

use super::{report, typed};
use crate::workers::Invalid;
use crate::workers::atoms::{Amount, AnyObject, AnyText, Id, NumberOrNull, Object, Text, TextOrNull, Time};
use crate::workers::shape::{Field, Shape, may, must};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::num::NonZeroU32;
use ukai_domain::scheduler::{Input, Word};
use ukai_domain::{RunResult, SessionId};

const EVENT: &str = "task:completed";

pub(crate) const SHAPE: &[Field] = &[
    must("taskId", Shape::Id),
    may("run", Shape::Run),
    must("completedAt", Shape::Time),
    must("result", Shape::Object(PRODUCT)),
    must("metrics", Shape::Object(METRICS)),
    may("kind", Shape::Text),
    may("verdict", Shape::Text),
    may("records", Shape::Objects),
    may("links", Shape::Texts),
    may("linksSkipped", Shape::Object(SKIPPED)),
    may("finalUrl", Shape::Text),
    may("artifacts", Shape::List),
    may("sources", Shape::Any),
];

const SKIPPED: &[Field] = &[
    may("robots", Shape::Count),
    may("nofollow", Shape::Count),
    may("file", Shape::Count),
    may("cut", Shape::Count),
];

const PRODUCT: &[Field] = &[
    must("productTitle", Shape::Text),
    must("price", Shape::NumberOrNull),
    must("currency", Shape::Text),
    must("originalPrice", Shape::NumberOrNull),
    must("rating", Shape::NumberOrNull),
    must("reviewCount", Shape::NumberOrNull),
    must("availability", Shape::TextOrNull),
    must("isAvailable", Shape::Bool),
    must("imageUrls", Shape::Texts),
    must("asin", Shape::TextOrNull),
];

const METRICS: &[Field] = &[must("scrapeDurationMs", Shape::Amount), must("pageLoadTimeMs", Shape::Amount)];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Completed<'a> {
    task_id: Id,
    run: Option<NonZeroU32>,
    #[serde(borrow, rename = "completedAt")]
    _completed_at: Time<'a>,
    #[serde(borrow)]
    result: &'a RawValue,
    #[serde(borrow)]
    metrics: &'a RawValue,
    #[serde(borrow)]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    verdict: Option<&'a RawValue>,
    #[serde(borrow)]
    records: Option<&'a RawValue>,
    #[serde(borrow)]
    links: Option<&'a RawValue>,
    #[serde(borrow)]
    links_skipped: Option<&'a RawValue>,
    #[serde(borrow)]
    final_url: Option<&'a RawValue>,
    #[serde(borrow)]
    artifacts: Option<&'a RawValue>,
    #[serde(borrow)]
    sources: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "each key is checked by being read; the text itself is what is kept")]
struct Product<'a> {
    #[serde(borrow)]
    product_title: Text<'a>,
    price: NumberOrNull,
    currency: AnyText,
    original_price: NumberOrNull,
    rating: NumberOrNull,
    review_count: NumberOrNull,
    availability: TextOrNull,
    is_available: bool,
    image_urls: Vec<AnyText>,
    asin: TextOrNull,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "as above")]
struct Skipped {
    robots: Option<u32>,
    nofollow: Option<u32>,
    file: Option<u32>,
    cut: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "as above")]
struct Metrics {
    scrape_duration_ms: Amount,
    page_load_time_ms: Amount,
}

pub(super) fn parse(session: SessionId, payload: &str) -> Result<Input, Invalid> {
    let event: Completed<'_> = typed(EVENT, payload, SHAPE)?;
    let Object(product): Object<Product<'_>> = part(event.result, payload)?;
    part::<Object<Metrics>>(event.metrics, payload)?;
    for text in [event.kind, event.verdict, event.final_url].into_iter().flatten() {
        part::<AnyText>(text, payload)?;
    }
    if let Some(links) = event.links {
        part::<Vec<AnyText>>(links, payload)?;
    }
    if let Some(skipped) = event.links_skipped {
        part::<Object<Skipped>>(skipped, payload)?;
    }
    if let Some(artifacts) = event.artifacts {
        part::<Vec<serde::de::IgnoredAny>>(artifacts, payload)?;
    }
    let records = event.records.map(|records| part::<Vec<AnyObject>>(records, payload)).transpose()?;
    let items = match records {
        Some(records) if !records.is_empty() => u32::try_from(records.len()).unwrap_or(u32::MAX),
        _ => u32::from(!product.product_title.0.trim().is_empty()),
    };
    let extra = extra(&event);
    let result = RunResult {
        result: event.result.get().to_owned(),
        metrics: Some(event.metrics.get().to_owned()),
        extra,
        items,
    };
    Ok(report(session, event.task_id, event.run, Word::Completed(result)))
}

/// Reads one value that was captured as text; the whole payload tells what was wrong with it.
fn part<'a, T: Deserialize<'a>>(raw: &'a RawValue, payload: &str) -> Result<T, Invalid> {
    serde_json::from_str(raw.get()).map_err(|error| super::refuse(EVENT, payload, SHAPE, &error))
}

/// Our optional keys, where sent, as one object.
fn extra(event: &Completed<'_>) -> Option<String> {
    let keys = [
        ("kind", event.kind),
        ("verdict", event.verdict),
        ("records", event.records),
        ("links", event.links),
        ("linksSkipped", event.links_skipped),
        ("finalUrl", event.final_url),
        ("artifacts", event.artifacts),
        ("sources", event.sources),
    ];
    let mut text = String::new();
    for (key, value) in keys.into_iter().filter_map(|(key, value)| Some((key, value?.get()))) {
        text.push(if text.is_empty() { '{' } else { ',' });
        text.push('"');
        text.push_str(key);
        text.push_str("\":");
        text.push_str(value);
    }
    if text.is_empty() {
        return None;
    }
    text.push('}');
    Some(text)
}
