//! The corpus, scored by family: fields of records, verdicts of obstacles.

use std::collections::BTreeMap;

use serde_json::Value;
use ukai_extract::{Extraction, Page, Recipes, extract};

use crate::compare::is_right;
use crate::corpus::{self, Case};
use crate::substitution;

/// The seed of the substitution.
const SEED: u64 = 8;

/// Right and all.
type Share = (u32, u32);

/// The score of a run.
#[derive(Default)]
struct Score {
    families: BTreeMap<String, (Share, Share)>,
    shops: Share,
    media: Share,
    obstacles: Share,
    wrongly_blocked: u32,
    wrong: Vec<String>,
}

impl Score {
    fn add(&mut self, case: &Case, truth: &Value, got: &Extraction) {
        let (fields, verdicts) = self.families.entry(case.family().to_owned()).or_default();
        let expected = truth["expected"].as_object().expect("expected values");
        for (field, wanted) in expected {
            let right = if field == "classification" {
                let acceptable = expected.get("acceptable").and_then(Value::as_array);
                let right = acceptable.map_or_else(
                    || wanted.as_str() == Some(got.verdict.as_str()),
                    |words| words.iter().any(|word| word.as_str() == Some(got.verdict.as_str())),
                );
                count(verdicts, right);
                if case.kind() == "block" {
                    count(&mut self.obstacles, right);
                } else {
                    self.wrongly_blocked += u32::from(!right);
                }
                right
            } else if case.kind() == "block" {
                continue;
            } else {
                let right = is_right(got, field, wanted, truth["alternatives"].get(field));
                count(fields, right);
                count(
                    if matches!(case.kind(), "product" | "listing") {
                        &mut self.shops
                    } else {
                        &mut self.media
                    },
                    right,
                );
                right
            };
            if !right {
                let own = if field == "classification" {
                    Value::from(got.reason.as_str())
                } else {
                    got.record[field].clone()
                };
                let source = got
                    .sources
                    .get(field)
                    .map(|source| format!("{:?} {}", source.layer, source.rule))
                    .unwrap_or_default();
                self.wrong.push(format!(
                    "{} {field}: expected {} got {} [{} {:?}] {source}",
                    case.file,
                    short(wanted),
                    short(&own),
                    got.verdict.as_str(),
                    got.kind
                ));
            }
        }
    }

    fn print(&self) {
        println!("{:14} {:>12} {:>12}", "family", "fields", "verdicts");
        for (family, (fields, verdicts)) in &self.families {
            println!("{family:14} {:>12} {:>12}", show(*fields), show(*verdicts));
        }
        println!(
            "shops {}, media {}, obstacles {}, good pages blocked {}",
            show(self.shops),
            show(self.media),
            show(self.obstacles),
            self.wrongly_blocked
        );
        for line in &self.wrong {
            println!("  {line}");
        }
    }
}

fn count(share: &mut Share, right: bool) {
    share.0 += u32::from(right);
    share.1 += 1;
}

fn percent((right, all): Share) -> f64 {
    if all == 0 { 100.0 } else { f64::from(right) * 100.0 / f64::from(all) }
}

fn show(share: Share) -> String {
    format!("{}/{} {:.1}%", share.0, share.1, percent(share))
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(180).collect()
}

fn read(case: &Case, html: &str, recipes: &Recipes) -> Extraction {
    let status = case.truth["expected"]["httpStatus"].as_u64().and_then(|status| u16::try_from(status).ok());
    extract(&Page { html, url: case.url(), status, headers: &[] }, recipes)
}

#[test]
fn the_corpus_is_read_right() {
    let Some(cases) = corpus::cases() else { return };
    let recipes = Recipes::embedded();
    let mut score = Score::default();
    for case in &cases {
        score.add(case, &case.truth, &read(case, &case.html, &recipes));
    }
    score.print();
    assert_eq!(score.obstacles.0, score.obstacles.1, "every obstacle is recognised");
    assert_eq!(score.wrongly_blocked, 0, "no good page is called an obstacle");
    assert!(percent(score.shops) >= 95.0, "product and listing fields");
    assert!(percent(score.media) >= 90.0, "post, video and article fields");
}

#[test]
fn other_titles_and_prices_score_alike() {
    let Some(cases) = corpus::cases() else { return };
    let recipes = Recipes::embedded();
    let (mut before, mut after) = (Score::default(), Score::default());
    for case in cases.iter().filter(|case| case.kind() != "block") {
        before.add(case, &case.truth, &read(case, &case.html, &recipes));
        let other = substitution::substitute(case, SEED);
        after.add(&other, &other.truth, &read(&other, &other.html, &recipes));
    }
    after.print();
    println!("before {} {}", show(before.shops), show(before.media));
    assert!(
        percent(before.shops) - percent(after.shops) <= 1.0,
        "shops: {} against {}",
        show(before.shops),
        show(after.shops)
    );
    assert!(
        percent(before.media) - percent(after.media) <= 1.0,
        "media: {} against {}",
        show(before.media),
        show(after.media)
    );
}
