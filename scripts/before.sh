#!/usr/bin/env bash
# Builds the programs of the version before from the history, into the folder `before` beside those of this version:
# what they meet while a fleet is upgraded. Built once for each version.
# usage: before.sh TARGET   (cargo's target folder)
set -euo pipefail
cd "$(dirname "$0")/.."
# The last one whose PostgreSQL schema has version 3, and whose gateways announce themselves in one message.
before=79b73c4
target=$(realpath -m "$1")
bins=$target/debug/before

if [ "$(cat "$bins/version" 2>/dev/null)" = "$before" ]; then
    exit 0
fi
if ! git cat-file -e "$before^{commit}" 2>/dev/null; then
    echo "the version before is commit $before, which this clone doesn't have: git fetch --unshallow" >&2
    exit 2
fi
echo "building the version before ($before)"
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
git archive "$before" | tar -x -C "$source"
programs=(ukai ukai-api ukai-gateway ukai-heartbeat-monitor ukai-scheduler ukai-worker)
CARGO_TARGET_DIR=$target/before ${CARGO:-cargo} build --manifest-path "$source/Cargo.toml" \
    --workspace --locked "${programs[@]/#/--bin=}"
mkdir -p "$bins"
for program in "${programs[@]}"; do
    cp "$target/before/debug/$program" "$bins/"
done
echo "$before" >"$bins/version"
