#!/usr/bin/env bash
# Everything that CI runs, stage by stage; ends with each runner's closing line. Called by `make test`.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_INCREMENTAL=0 RUST_BACKTRACE=0
# Property tests draw the same cases in every run, so that a red run can be repeated; another number draws others.
export PROPTEST_RNG_SEED=${PROPTEST_RNG_SEED:-20261120}
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
mkdir -p "$target"
log=$target/test.log
: >"$log"
started=$SECONDS

stage() {
    local name=$1 begun=$SECONDS
    shift
    echo
    echo "=== $name: $*"
    if ! "$@" 2>&1 | tee -a "$log"; then
        echo "=== $name failed after $((SECONDS - begun)) s" >&2
        exit 1
    fi
    echo "=== $name: done in $((SECONDS - begun)) s"
}

stage format cargo fmt --all --check
stage lint cargo clippy --workspace --all-targets --locked -- -D warnings
stage build cargo build --workspace --all-targets --locked
if cargo nextest --version >/dev/null 2>&1; then
    stage tests cargo nextest run --workspace --locked --no-fail-fast
else
    echo "cargo-nextest isn't installed: cargo test does the same, more slowly"
    stage tests cargo test --workspace --locked --no-fail-fast --lib --bins --tests
fi
stage doctests cargo test --workspace --locked --doc --quiet
stage fuzz "$target/debug/examples/fuzz" "${UKAI_FUZZ_SECONDS:-60}" "${UKAI_FUZZ_SEED:-1}"
stage packages npm ci --prefix tests-js --no-audit --no-fund
stage javascript env UKAI_BIN="$target/debug/ukai" npm test --prefix tests-js

echo
echo "=== all green in $((SECONDS - started)) s. The runners' closing lines:"
grep -aE '^ *(Summary \[|test result: |[0-9]+ rounds from seed )|^(#|ℹ) (tests|pass|fail|duration_ms) ' "$log" | grep -av ' 0 passed; 0 failed' || true
