#!/usr/bin/env bash
# Looks for what Ukai needs and names what is missing. Exits 2 then; changes nothing.
# usage: check.sh run|test
set -u
cd "$(dirname "$0")/.." || exit 2
purpose=${1:-run}
missing=()

# at_least 1.94 1.95.0 is true; at_least 20.19 20.9.0 is false.
at_least() {
    local want_major=${1%%.*} want_minor=${1#*.} major minor
    major=${2%%.*}
    minor=${2#*.}
    minor=${minor%%.*}
    [ "$major" -gt "$want_major" ] || { [ "$major" -eq "$want_major" ] && [ "${minor:-0}" -ge "$want_minor" ]; }
}

case "$(uname -s)" in
Linux) ;;
Darwin)
    [ "$purpose" = test ] && missing+=("Linux: the tests use its process and file system features (on macOS 'make demo' and 'make up' work)")
    ;;
*) missing+=("Linux or macOS (on Windows: WSL2)") ;;
esac

command -v git >/dev/null || missing+=("git (Debian: apt-get install git)")
command -v cc >/dev/null || missing+=("a C compiler named cc (Debian: apt-get install gcc libc6-dev)")

rust=$(rustc --version 2>/dev/null | awk '{print $2}')
if ! command -v cargo >/dev/null || [ -z "$rust" ]; then
    missing+=("Rust 1.94 or newer with cargo (https://rustup.rs)")
elif ! at_least 1.94 "$rust"; then
    missing+=("Rust 1.94 or newer: this is $rust (rustup update)")
elif [ "$purpose" = test ]; then
    cargo fmt --version >/dev/null 2>&1 || missing+=("rustfmt (rustup component add rustfmt)")
    cargo clippy --version >/dev/null 2>&1 || missing+=("clippy (rustup component add clippy)")
fi

# Foreign clients in the tests are JavaScript's; nothing else needs it.
if [ "$purpose" = test ]; then
    node=$(node --version 2>/dev/null | tr -d v)
    if [ -z "$node" ]; then
        missing+=("Node.js 20.19 or newer (https://nodejs.org)")
    elif ! at_least 20.19 "$node"; then
        missing+=("Node.js 20.19 or newer: this is $node")
    fi
    command -v npm >/dev/null || missing+=("npm (comes with Node.js)")
fi

# What is built already counts: it is part of the 8 GB.
free_kb=$(df -Pk . | awk 'NR == 2 {print $4}')
if [ "${free_kb:-0}" -lt 8000000 ]; then
    used_kb=$(du -sk target 2>/dev/null | awk '{print $1}')
    if [ $((free_kb + ${used_kb:-0})) -lt 8000000 ]; then
        missing+=("8 GB of free disk: here are $((free_kb / 1000000)) GB")
    fi
fi

[ ${#missing[@]} -eq 0 ] && exit 0
echo "Ukai can't be built here yet. Missing:" >&2
printf '  - %s\n' "${missing[@]}" >&2
exit 2
