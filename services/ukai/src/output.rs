//! Standard output: tables for people, JSON for programs, progress (on standard error) for whoever waits.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use comfy_table::{ContentArrangement, Table, presets::UTF8_FULL_CONDENSED};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;

/// How a command answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    /// One JSON document, or JSON lines, instead of tables.
    pub(crate) json: bool,
}

impl Output {
    /// The command's whole answer: as JSON, or as `table` draws it.
    pub(crate) fn answer(self, document: &Value, table: impl FnOnce(&Value) -> String) {
        if self.json { line(&format!("{document:#}")) } else { line(table(document).trim_end()) }
    }

    /// One of many JSON lines, or one line of text.
    pub(crate) fn item(self, document: &Value, text: impl FnOnce(&Value) -> String) {
        if self.json { line(&document.to_string()) } else { line(&text(document)) }
    }

    /// Text for people only.
    pub(crate) fn say(self, text: &str) {
        if !self.json {
            line(text);
        }
    }

    /// A bar over `total` things on a terminal; elsewhere silent.
    pub(crate) fn bar(self, total: u64, what: &'static str) -> ProgressBar {
        if self.json || !std::io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10));
        let style =
            ProgressStyle::with_template("{prefix} [{bar:32}] {pos}/{len} {msg} ({elapsed}, {eta} left)");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("█▉▊▋▌▍▎▏ "));
        bar.set_prefix(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

/// A closed pipe is the reader's wish to end, not an error of ours.
fn line(text: &str) {
    let _reader_left = writeln!(std::io::stdout().lock(), "{text}");
}

/// A table with a header.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(header);
    if !std::io::stdout().is_terminal() {
        table.set_width(140);
    }
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}

/// A JSON object as two columns; `null` fields are left out.
pub(crate) fn fields(document: &Value) -> String {
    let rows = document.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    table(["field", "value"], rows.map(|(name, value)| [name.clone(), cell(value)]))
}

/// A JSON value as a cell: text without quotes, `null` as a dash.
pub(crate) fn cell(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => plain(text),
        Value::Object(_) | Value::Array(_) => format!("{value:#}"),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// Scraped text can't steer the terminal: control characters are shown as `·`.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '·' } else { c }).collect()
}

/// At most `length` characters.
pub(crate) fn short(text: &str, length: usize) -> String {
    if text.chars().count() <= length {
        return plain(text);
    }
    plain(&text.chars().take(length.saturating_sub(1)).chain(['…']).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::{cell, plain, short};
    use serde_json::json;

    #[test]
    fn scraped_text_cannot_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[31mb"), "a·[31mb");
        assert_eq!(cell(&json!("x\u{7}")), "x·");
    }

    #[test]
    fn long_text_is_cut_by_characters() {
        assert_eq!(short("äöü", 3), "äöü");
        assert_eq!(short("äöüß", 3), "äö…");
    }
}
