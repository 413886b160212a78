//! Pages that try a browser's patience, for the tests of a worker's limits.

use super::frame::bare;

/// A script that never ends.
pub(in crate::shop) fn spin() -> String {
    bare("Spin", "<h1>Spinning</h1><script>for (;;) {}</script>")
}

/// A dialog that nobody answers.
pub(in crate::shop) fn dialog() -> String {
    bare(
        "Dialog",
        "<h1>Before the dialog</h1><script>alert('Hello'); confirm('Sure?'); document.title = 'After';</script>",
    )
}

/// That many kilobytes of text.
pub(in crate::shop) fn huge(kb: usize) -> String {
    let line = format!("<p>{}</p>\n", "goods ".repeat(169));
    bare("Huge", &line.repeat(kb))
}
