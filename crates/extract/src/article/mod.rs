//! Articles: heading, author, date and the text without the page's furniture.

mod body;

use serde_json::Value;

use crate::context::Context;
use crate::draft::Draft;
use crate::extraction::Layer;
use crate::html::{Document, Selector, collapse};
use crate::reading;
use crate::structured::{Thing, text_of, texts_of};

/// The fields of an article's record, in their order.
pub(crate) const FIELDS: [&str; 6] = ["title", "author", "publishedAt", "description", "imageUrl", "text"];

/// Nodes between a heading and the date of its article.
const NEAR: u32 = 400;

/// Types of the vocabulary that are texts to read.
const TYPES: &[&str] = &[
    "Article",
    "NewsArticle",
    "BlogPosting",
    "Report",
    "TechArticle",
    "ScholarlyArticle",
    "ReportageNewsArticle",
    "AnalysisNewsArticle",
    "OpinionNewsArticle",
    "LiveBlogPosting",
    "SatiricalArticle",
    "Blog",
    "AdvertiserContentArticle",
];

/// The item that the article is.
pub(crate) fn main_article<'c>(context: &'c Context<'_>) -> Option<&'c Thing> {
    let is = |thing: &&Thing| TYPES[..TYPES.len() - 2].iter().any(|kind| thing.is(kind));
    let own: Vec<&Thing> = context.things.iter().filter(is).filter(|thing| !thing.nested).collect();
    own.iter().find(|thing| thing.value.get("datePublished").is_some()).or_else(|| own.first()).copied()
}

/// Fills what the recipe left open. Gives the number of characters of the text.
pub(crate) fn fill(context: &Context<'_>, draft: &mut Draft) {
    let meta = &context.meta;
    let mut as_publisher = Vec::new();
    if let Some(article) = main_article(context) {
        let (layer, value) = (article.layer, &article.value);
        // Of headline and name the one counts that the page shows.
        let heading = context.document.named("h1").first().map(|id| context.document.text_up_to(*id, 400));
        let shown = |key: &&&str| text_of(value, key).is_some_and(|text| Some(text) == heading);
        let keys = ["headline", "name"];
        let key = keys.iter().find(shown).or_else(|| keys.iter().find(|key| text_of(value, key).is_some()));
        if let Some((key, title)) = key.and_then(|key| Some((key, text_of(value, key)?))) {
            let title = shown_title(context, &title).unwrap_or(title);
            draft.offer("title", title, layer, 0.9, key);
        }
        let authors: Vec<String> =
            texts_of(value, "author").into_iter().filter(|name| !name.starts_with("http")).collect();
        // The publisher as author says less than a byline.
        let publisher = text_of(value, "publisher").or_else(|| meta.get("og:site_name").map(str::to_owned));
        if authors.len() == 1 && authors.first() == publisher.as_ref() {
            as_publisher = authors;
        } else {
            draft.offer("author", join(&authors), layer, 0.9, "author");
        }
        if let Some(date) = text_of(value, "datePublished").and_then(|date| reading::instant(&date)) {
            let date = with_true_zone(context, value, date);
            draft.offer("publishedAt", date, layer, 0.9, "datePublished");
        }
    }
    let title = crate::titled(context).unwrap_or_default();
    let site_free = crate::without_site(&title, meta.get("og:site_name").unwrap_or(""), context.host());
    draft.offer("title", site_free, Layer::Meta, 0.8, "og:title");
    if let Some(heading) = context.document.named("h1").first() {
        draft.offer("title", context.document.text_up_to(*heading, 400), Layer::Text, 0.7, "h1");
    }
    author(context, draft);
    draft.offer("author", join(&as_publisher), Layer::JsonLd, 0.5, "author, who is the publisher");
    published(context, draft);
    if let Some((name, text)) = meta.first(&["og:description", "description", "twitter:description"]) {
        draft.offer("description", text, Layer::Meta, 0.8, name);
    }
    if let Some((name, image)) = meta.first(&["og:image", "twitter:image"]) {
        draft.offer("imageUrl", context.absolute(image).unwrap_or_default(), Layer::Meta, 0.8, name);
    }
    if draft.lacks("text") {
        let (text, rule) = body::text(context);
        draft.offer("text", text, Layer::Text, 0.7, &rule);
    }
}

/// The page's heading (or the title shown to other sites) where the described title only adds the site to it.
fn shown_title(context: &Context<'_>, described: &str) -> Option<String> {
    let heading = context.document.named("h1").first().map(|id| context.document.text_up_to(*id, 400));
    let shown = heading.into_iter().chain(context.meta.get("og:title").map(str::to_owned));
    shown.into_iter().find(|title| {
        let rest = described.strip_prefix(title.as_str()).map(str::trim_start);
        title.chars().count() > 5 && rest.is_some_and(|rest| rest.starts_with(['-', '|', '–', '—', ':', '·']))
    })
}

/// Some sites write local times with a `Z`. Where the time of the last change says the same clock time with
/// another zone in the head, that zone is the true one for both.
fn with_true_zone(context: &Context<'_>, article: &serde_json::Value, published: String) -> String {
    let Some(clock) = published.strip_suffix('Z') else { return published };
    let described = text_of(article, "dateModified").and_then(|date| reading::instant(&date));
    let head = context.meta.get("article:modified_time").and_then(reading::instant);
    match (described, head) {
        (Some(described), Some(head))
            if described.ends_with('Z') && described.get(..16) == head.get(..16) =>
        {
            let zone =
                head.get(19..).unwrap_or("").trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
            if zone.starts_with(['+', '-']) { format!("{clock}{zone}") } else { published }
        }
        _ => published,
    }
}

fn author(context: &Context<'_>, draft: &mut Draft) {
    let names = [
        "author",
        "article:author",
        "sailthru.author",
        "parsely-author",
        "dc.creator",
        "dcterms.creator",
        "byl",
        "twitter:creator:name",
        "article:author_name",
    ];
    for name in names {
        let values: Vec<String> = context
            .meta
            .all(name)
            .iter()
            .filter(|value| !value.starts_with("http") && !value.starts_with('@') && value.len() < 120)
            .cloned()
            .collect();
        if draft.offer("author", join(&values), Layer::Meta, 0.8, name) {
            return;
        }
    }
    let document = &context.document;
    let marked = Selector::fixed(
        "[itemprop=author] [itemprop=name], [itemprop=author], a[rel=author], [rel=author], .byline a, .author-name, .article-author, .c-byline__item a, .byline, .author, [class*='byline' i] a, [class*='author' i] a, [class*='byline' i], [class*='author__name' i]",
    );
    for choice in document.select_by_choice(Document::ROOT, &marked) {
        for id in choice.into_iter().take(5) {
            let text = without_by(&document.text_up_to(id, 200));
            let fits =
                (3..80).contains(&text.chars().count()) && !text.contains("http") && !document.is_unseen(id);
            if fits && draft.offer("author", text, Layer::Text, 0.6, "byline") {
                return;
            }
        }
    }
}

/// `By Jane Doe` is written by Jane Doe.
fn without_by(text: &str) -> String {
    let text = collapse(text);
    let text = text.split(['•', '|', '·']).next().unwrap_or("").trim();
    for by in [
        "Written by ",
        "Posted by ",
        "by ",
        "By ",
        "BY ",
        "von ",
        "Von ",
        "por ",
        "Por ",
        "par ",
        "Par ",
        "di ",
        "Di ",
    ] {
        if let Some(rest) = text.strip_prefix(by) {
            return rest.trim().to_owned();
        }
    }
    // `ByJane Doe`: the space was a margin.
    match text.strip_prefix("By") {
        Some(rest) if rest.starts_with(char::is_uppercase) => rest.to_owned(),
        _ => text.to_owned(),
    }
}

fn published(context: &Context<'_>, draft: &mut Draft) {
    let names = [
        "article:published_time",
        "og:article:published_time",
        "datepublished",
        "article:published",
        "date",
        "pubdate",
        "publishdate",
        "publish-date",
        "dc.date",
        "dc.date.issued",
        "dcterms.created",
        "dcterms.date",
        "sailthru.date",
        "parsely-pub-date",
        "article.published",
        "originalpublicationdate",
        "cxenseparse:recs:publishtime",
        "revision_date",
        "analyticsattributes.articledate",
    ];
    for name in names {
        if let Some(date) = context.meta.get(name).and_then(reading::instant)
            && draft.offer("publishedAt", date, Layer::Meta, 0.85, name)
        {
            return;
        }
    }
    let document = &context.document;
    let marked = Selector::fixed("time[itemprop=datePublished], [itemprop=datePublished], time[pubdate]");
    let near = Selector::fixed(
        "time[datetime], .published, .dateline, [class*='publish' i], [class*='date' i], time",
    );
    // A date that isn't marked as the page's own counts only beside the heading.
    let heading = document.named("h1").first().copied().unwrap_or(0);
    let beside = |id: &crate::html::NodeId| {
        *id > heading.saturating_sub(NEAR / 4) && *id < heading.saturating_add(NEAR)
    };
    let own = document.select_by_choice(Document::ROOT, &marked).into_iter().flatten();
    let others = document.select_by_choice(Document::ROOT, &near).into_iter().flatten().filter(beside);
    for id in own.chain(others).take(20) {
        let text = document.attr(id, "datetime").or_else(|| document.attr(id, "content"));
        let text = text.map_or_else(|| document.text_up_to(id, 120), std::borrow::Cow::into_owned);
        if let Some(date) = reading::instant(&text) {
            draft.offer("publishedAt", date, Layer::Text, 0.6, "time");
            return;
        }
    }
}

fn join(names: &[String]) -> String {
    let mut unique: Vec<&str> = Vec::new();
    for name in names {
        if !unique.contains(&name.as_str()) {
            unique.push(name);
        }
    }
    unique.join(", ")
}

/// Whether there is enough text to read.
pub(crate) fn is_long(draft: &Draft) -> bool {
    draft.get("text").and_then(Value::as_str).is_some_and(|text| text.chars().count() >= 700)
}
