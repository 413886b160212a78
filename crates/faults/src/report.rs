//! The tables of docs/reliability.md.

use std::time::Duration;

use crate::rows::{Outcome, Row};

/// What stands in the document before and after a table.
pub type Marks = (&'static str, &'static str);
/// Around the table of all rows.
pub const USUAL: Marks = ("<!-- measured: begin -->", "<!-- measured: end -->");
/// Around that of rows with ten times the tasks.
pub const LARGE: Marks = ("<!-- measured at length: begin -->", "<!-- measured at length: end -->");

const HEAD: &str =
    "| row | fault | seeds | measured (worst) | bound | verdict |\n|---|---|---|---|---|---|\n";

/// A row with the outcomes of its seeds.
pub struct Tried {
    /// Which.
    pub row: Row,
    /// Seed and outcome.
    pub outcomes: Vec<(u64, Outcome)>,
}

impl Tried {
    /// Whether every seed held.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.outcomes.iter().all(|(_, outcome)| outcome.is_ok())
    }
}

/// The lines of the table.
#[must_use]
pub fn table(tried: &[Tried]) -> String {
    let mut text = String::from(HEAD);
    text.extend(tried.iter().map(line));
    text
}

fn line(one: &Tried) -> String {
    let (mut measured, mut bounds) = (Vec::new(), Vec::new());
    let first = one.outcomes.iter().find_map(|(_, outcome)| outcome.as_ref().ok());
    for (at, measure) in first.into_iter().flatten().enumerate() {
        let all = one.outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().ok()?.get(at));
        let worst = all.map(|measure| measure.took).max().unwrap_or_default();
        measured.push(format!("{}: {}", measure.what, seconds(worst)));
        bounds.push(seconds(measure.bound));
    }
    format!(
        "| {} | {} | {} | {} | {} | {} |\n",
        one.row.name,
        one.row.fault,
        one.outcomes.len(),
        measured.join("; "),
        bounds.join("; "),
        if one.holds() { "holds" } else { "FAILS" },
    )
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// The document with the rows that were tried in the table between these marks. Of `all` rows, in their order, those that
/// weren't tried keep what was measured before. `None` where the marks are missing.
#[must_use]
pub fn put(document: &str, tried: &[Tried], all: &[Row], (begin, end): Marks) -> Option<String> {
    let (before, rest) = document.split_once(begin)?;
    let (old, after) = rest.split_once(end)?;
    let mut table = String::from(HEAD);
    for row in all {
        if let Some(one) = tried.iter().find(|one| one.row.name == row.name) {
            table += &line(one);
        } else if let Some(kept) = old.lines().find(|line| line.starts_with(&format!("| {} |", row.name))) {
            table += kept;
            table.push('\n');
        }
    }
    Some(format!("{before}{begin}\n{table}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{HEAD, LARGE, Tried, USUAL, put};
    use crate::{row, rows};

    #[test]
    fn rows_that_were_not_tried_keep_what_was_measured() {
        let tried = |name| Tried { row: row(name).unwrap(), outcomes: vec![(1, Ok(Vec::new()))] };
        let old = "| F01 | old | 1 | x | y | holds |\n| F02 | old | 1 | x | y | holds |\n| gone | z |";
        let (begin, end) = USUAL;
        let tail = format!("{}\n{old}\n{}\n", LARGE.0, LARGE.1);
        let document = format!("head\n{begin}\n{old}\n{end}\n{tail}");
        let written = put(&document, &[tried("F02"), tried("F03")], &rows(), USUAL).unwrap();
        let [f02, f03] = ["F02", "F03"].map(|name| super::line(&tried(name)));
        let kept = "| F01 | old | 1 | x | y | holds |\n";
        assert_eq!(written, format!("head\n{begin}\n{HEAD}{kept}{f02}{f03}{end}\n{tail}"));
        assert_eq!(put("no marks", &[], &rows(), USUAL), None);
    }
}
