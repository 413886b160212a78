//! Posts and videos where no recipe knows the site: items of a vocabulary and the head.

use crate::context::Context;
use crate::draft::Draft;
use crate::extraction::Layer;
use crate::reading;
use crate::structured::{Thing, number_of, text_of};
use crate::structured_values;

/// The fields of a video's record, in their order.
pub(crate) const VIDEO: [&str; 11] = [
    "id",
    "title",
    "author",
    "channelId",
    "viewCount",
    "likes",
    "publishedAt",
    "durationSeconds",
    "commentCount",
    "text",
    "imageUrl",
];
/// The fields of a post's record, in their order.
pub(crate) const POST: [&str; 13] = [
    "id",
    "author",
    "authorName",
    "title",
    "subreddit",
    "text",
    "createdAt",
    "likes",
    "reposts",
    "replies",
    "views",
    "score",
    "commentCount",
];

/// The video that the page is about.
pub(crate) fn main_video<'c>(context: &'c Context<'_>) -> Option<&'c Thing> {
    context.things.iter().find(|thing| !thing.nested && thing.is("VideoObject"))
}

/// The post that the page is about.
pub(crate) fn main_post<'c>(context: &'c Context<'_>) -> Option<&'c Thing> {
    let is =
        |thing: &&Thing| ["SocialMediaPosting", "DiscussionForumPosting"].iter().any(|kind| thing.is(kind));
    context.things.iter().filter(|thing| !thing.nested).find(is)
}

/// Fills a video's record from what the recipe left open.
pub(crate) fn fill_video(context: &Context<'_>, draft: &mut Draft) {
    if let Some(video) = main_video(context) {
        let (layer, value) = (video.layer, &video.value);
        for (field, key) in [
            ("title", "name"),
            ("author", "author"),
            ("text", "description"),
            ("id", "videoId"),
            ("channelId", "channelId"),
        ] {
            draft.offer(field, text_of(value, key).unwrap_or_default(), layer, 0.9, key);
        }
        if let Some(count) = number_of(value, "interactionCount").filter(|count| *count >= 0.0) {
            draft.offer("viewCount", to_count(count), layer, 0.8, "interactionCount");
        }
        for statistic in structured_values(value, "interactionStatistic") {
            let kind = text_of(statistic, "interactionType")
                .unwrap_or_else(|| statistic["interactionType"]["@type"].as_str().unwrap_or("").to_owned());
            let Some(count) = number_of(statistic, "userInteractionCount").filter(|count| *count >= 0.0)
            else {
                continue;
            };
            let field = match kind.rsplit('/').next().unwrap_or("") {
                "WatchAction" => "viewCount",
                "LikeAction" => "likes",
                "CommentAction" => "commentCount",
                _ => continue,
            };
            draft.offer(field, to_count(count), layer, 0.9, "interactionStatistic");
        }
        let published = text_of(value, "uploadDate").or_else(|| text_of(value, "datePublished"));
        draft.offer(
            "publishedAt",
            published.and_then(|date| reading::day(&date)).unwrap_or_default(),
            layer,
            0.9,
            "uploadDate",
        );
        if let Some(seconds) = text_of(value, "duration").and_then(|text| reading::duration(&text)) {
            draft.offer("durationSeconds", seconds, layer, 0.9, "duration");
        }
    }
    let meta = &context.meta;
    draft.offer("title", crate::titled(context).unwrap_or_default(), Layer::Meta, 0.7, "og:title");
    if let Some((name, text)) = meta.first(&["og:description", "description"]) {
        draft.offer("text", text, Layer::Meta, 0.6, name);
    }
    if let Some((name, text)) = meta.first(&["og:video:duration", "video:duration"])
        && let Some(seconds) = reading::duration(text)
    {
        draft.offer("durationSeconds", seconds, Layer::Meta, 0.8, name);
    }
    image(context, draft);
}

/// Fills a post's record from what the recipe left open.
pub(crate) fn fill_post(context: &Context<'_>, draft: &mut Draft) {
    if let Some(post) = main_post(context) {
        let (layer, value) = (post.layer, &post.value);
        for (field, key) in
            [("title", "headline"), ("author", "author"), ("text", "articleBody"), ("text", "text")]
        {
            draft.offer(field, text_of(value, key).unwrap_or_default(), layer, 0.9, key);
        }
        let created = text_of(value, "datePublished").and_then(|date| reading::instant(&date));
        draft.offer("createdAt", created.unwrap_or_default(), layer, 0.9, "datePublished");
        if let Some(count) = number_of(value, "commentCount").filter(|count| *count >= 0.0) {
            draft.offer("commentCount", to_count(count), layer, 0.9, "commentCount");
        }
    }
    if draft.lacks("text")
        && let Some((name, text)) =
            context.meta.first(&["og:description", "description", "twitter:description"])
    {
        draft.offer("text", text, Layer::Meta, 0.6, name);
    }
}

fn image(context: &Context<'_>, draft: &mut Draft) {
    if let Some((name, image)) = context.meta.first(&["og:image", "twitter:image"]) {
        draft.offer("imageUrl", context.absolute(image).unwrap_or_default(), Layer::Meta, 0.8, name);
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are checked not to be negative"
)]
fn to_count(count: f64) -> u64 {
    count.round() as u64
}
