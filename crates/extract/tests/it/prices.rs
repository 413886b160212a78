//! Price strings of the corpus, counted by group.

use std::collections::BTreeMap;

use serde_json::Value;
use ukai_extract::parse_price;

use crate::corpus;

/// The share of price strings of which amount and currency must both be right.
const NEEDED: f64 = 0.97;

#[test]
fn price_strings_are_read_right() {
    let Some(folder) = corpus::folder() else { return };
    let text = std::fs::read_to_string(folder.join("price-strings.jsonl")).expect("the price strings");
    let mut groups: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let case: Value = serde_json::from_str(line).expect("a JSON line");
        let price = parse_price(case["text"].as_str().unwrap_or(""), case["currency_hint"].as_str());
        let same_amount = match (case["amount"].as_f64(), price.amount) {
            (None, None) => true,
            (Some(wanted), Some(got)) => (wanted - got).abs() <= 1e-9 * wanted.abs().max(1.0),
            _ => false,
        };
        let right = same_amount && case["currency"].as_str() == price.currency.as_deref();
        let group = case["group"].as_str().unwrap_or("").to_owned();
        if !right {
            wrong.push(format!("{line}\n    got {:?} {:?}", price.amount, price.currency));
        }
        let (good, all) = groups.entry(group).or_default();
        *good += u32::from(right);
        *all += 1;
    }
    let (mut good, mut all) = (0, 0);
    for (group, (right, of)) in &groups {
        println!("{group:45} {right:4} / {of}");
        if !group.contains("xfail") {
            good += right;
            all += of;
        }
    }
    let share = f64::from(good) / f64::from(all);
    println!("{:45} {good:4} / {all} = {:.1} %\n{}", "without xfail", share * 100.0, wrong.join("\n"));
    assert!(share >= NEEDED, "{good} of {all} price strings");
}
