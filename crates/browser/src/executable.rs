//! Finds Chromium. Binaries are named directly: Debian's wrapper scripts add flags and keys of their own.

use std::path::{Path, PathBuf};

const HEADLESS: [&str; 2] = ["/usr/lib/chromium/chromium-headless-shell", "/usr/bin/chromium-headless-shell"];

const FULL: [&str; 10] = [
    "/usr/lib/chromium/chromium",
    "/usr/lib/chromium-browser/chromium-browser",
    "/usr/lib64/chromium-browser/chromium-browser",
    "/opt/google/chrome/chrome",
    "/usr/bin/google-chrome-stable",
    "/usr/bin/google-chrome",
    "/usr/bin/chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/opt/homebrew/bin/chromium",
];

/// The binary to start: the headless shell first, full Chromium alone for a visible window.
#[must_use]
pub fn find(headful: bool) -> Option<PathBuf> {
    let shells = if headful { &[][..] } else { &HEADLESS[..] };
    shells.iter().chain(FULL.iter()).map(Path::new).find(|path| path.is_file()).map(Path::to_path_buf)
}

/// Whether the binary is the shell that knows no windows (and needs no flag to be headless).
pub(crate) fn is_headless_shell(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().contains("headless-shell"))
}
