//! The table of docs/reliability.md.

use std::fmt::Write;
use std::time::Duration;

use crate::rows::{Outcome, Row};

/// Before and after the table in the document.
const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";

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
    let mut text = String::from(
        "| row | fault | seeds | measured (worst) | bound | verdict |\n|---|---|---|---|---|---|\n",
    );
    for one in tried {
        let (mut measured, mut bounds) = (Vec::new(), Vec::new());
        let first = one.outcomes.iter().find_map(|(_, outcome)| outcome.as_ref().ok());
        for (at, measure) in first.into_iter().flatten().enumerate() {
            let all = one.outcomes.iter().filter_map(|(_, outcome)| outcome.as_ref().ok()?.get(at));
            let worst = all.map(|measure| measure.took).max().unwrap_or_default();
            measured.push(format!("{}: {}", measure.what, seconds(worst)));
            bounds.push(seconds(measure.bound));
        }
        let verdict = if one.holds() { "holds" } else { "FAILS" };
        // Writing to a string doesn't fail.
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {verdict} |",
            one.row.name,
            one.row.fault,
            one.outcomes.len(),
            measured.join("; "),
            bounds.join("; "),
        );
    }
    text
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// The document with the table between its marks. `None` where the marks are missing.
#[must_use]
pub fn put(document: &str, table: &str) -> Option<String> {
    let (before, rest) = document.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{BEGIN, END, put};

    #[test]
    fn the_table_replaces_the_old_one() {
        let document = format!("head\n{BEGIN}\nold\n{END}\ntail\n");
        assert_eq!(put(&document, "new\n").unwrap(), format!("head\n{BEGIN}\nnew\n{END}\ntail\n"));
        assert_eq!(put("no marks", "new"), None);
    }
}
