#!/bin/sh
# Copies what decides which dependencies are built (manifests, lock file, settings) and puts empty sources beside it, so
# that compiling the copy compiles the dependencies and nothing else.
# usage: skeleton.sh WORKSPACE NEW-FOLDER
set -eu
from=$1 to=$2
mkdir -p "$to"
for file in Cargo.toml Cargo.lock .cargo rust-toolchain.toml; do
    [ ! -e "$from/$file" ] || cp -R "$from/$file" "$to/"
done
for manifest in "$from"/crates/*/Cargo.toml "$from"/services/*/Cargo.toml; do
    folder=${manifest#"$from"/}
    folder=$to/$(dirname "$folder")
    mkdir -p "$folder/src"
    cp "$manifest" "$folder/"
    : >"$folder/src/lib.rs"
    sed -n 's/^path = "\(.*\.rs\)"$/\1/p' "$manifest" | while read -r source; do
        mkdir -p "$folder/$(dirname "$source")"
        echo 'fn main() {}' >"$folder/$source"
    done
    [ ! -f "$(dirname "$manifest")/src/main.rs" ] || echo 'fn main() {}' >"$folder/src/main.rs"
    [ ! -f "$(dirname "$manifest")/build.rs" ] || echo 'fn main() {}' >"$folder/build.rs"
done
