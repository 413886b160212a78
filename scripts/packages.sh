#!/usr/bin/env bash
# Installs Debian's Chromium and a font where no browser is found. Exits 2 and says what to do where it can't.
set -eu

found() {
    local path
    for path in /usr/lib/chromium/chromium-headless-shell /usr/bin/chromium-headless-shell /usr/lib/chromium/chromium \
        /usr/lib/chromium-browser/chromium-browser /usr/lib64/chromium-browser/chromium-browser /opt/google/chrome/chrome \
        /usr/bin/google-chrome-stable /usr/bin/google-chrome /usr/bin/chromium \
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" /Applications/Chromium.app/Contents/MacOS/Chromium \
        /opt/homebrew/bin/chromium; do
        [ -x "$path" ] && return 0
    done
    return 1
}

if found; then exit 0; fi

if [ "$(uname -s)" = Darwin ]; then
    echo "No browser found. Install Google Chrome (https://www.google.com/chrome) and try again." >&2
    exit 2
fi
if ! command -v apt-get >/dev/null; then
    echo "No browser found, and no apt-get to install one. Install Chromium or Google Chrome and try again." >&2
    exit 2
fi

as_root() { "$@"; }
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "No browser found. As root: apt-get install --no-install-recommends chromium-headless-shell chromium-sandbox fonts-dejavu-core" >&2
        exit 2
    fi
    as_root() { sudo "$@"; }
fi

echo "no browser found: installing Debian's chromium-headless-shell, its sandbox and a font (about 65 MB)"
as_root apt-get update
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    chromium-headless-shell chromium-sandbox fonts-dejavu-core
found || { echo "Chromium was installed, but its binary isn't where Ukai looks for it." >&2; exit 2; }
