#!/usr/bin/env bash
# Runs docker-compose.yml for real and puts what it found into docs/operations.md. `make test-compose` calls it.
#
# It needs no image registry: images made of Debian's packages stand in for those that are named in docker-compose.yml,
# and the images of Ukai hold the binaries that it builds first, or those in the folder UKAI_BINARIES, as they are. Where no
# Docker daemon answers, one is started with a folder of its own, and ended. Everything is removed at the end; once the
# binaries are there, 15 minutes are the most that it takes.
set -euo pipefail
cd "$(dirname "$0")/../../.."
root=$PWD
step() { printf '=== %s\n' "$*"; }

target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
# What lies in the target folder may be older than the sources, or built with other features: cargo knows.
if [ -z "${UKAI_BINARIES:-}" ]; then
    step "binaries"
    "${CARGO:-cargo}" build --workspace --bins --locked
    export UKAI_BINARIES=$target/debug
fi
if [ "$(id -u)" -ne 0 ]; then exec sudo --preserve-env=PATH,HOME,CARGO_TARGET_DIR,UKAI_BINARIES "$0" "$@"; fi
export DEADLINE=$(($(date +%s) + 870))

kept=$target/compose            # the base image's files: what takes longest, and seldom changes
work=$(mktemp -d "${TMPDIR:-/tmp}/ukai-compose.XXXXXX")
project=ukai-test-$$
started_daemon=

remove() {
    local code=$?
    trap - EXIT INT TERM
    set +e
    if [ "$code" -ne 0 ] && [ -n "${compose_ready:-}" ]; then
        composed ps >&2
        composed logs --no-color --tail 25 >&2
    fi
    [ -z "${compose_ready:-}" ] || composed down --volumes --timeout 5 >"$work/down.log" 2>&1
    [ -z "${images:-}" ] || "$docker" rmi --force ${images} >/dev/null 2>&1
    if [ -n "$started_daemon" ]; then
        kill "$started_daemon" 2>/dev/null
        wait "$started_daemon" 2>/dev/null
        # What it mounted would keep its folder.
        grep -F "$work/" /proc/self/mounts | cut -d' ' -f2 | sort -r | while read -r mounted; do
            umount "$mounted"
        done
        # The bridge and the rules that a daemon leaves behind.
        [ -n "$had_bridge" ] || ip link delete docker0 2>/dev/null
        iptables-restore <"$work/iptables"
        echo "$forwarding" >/proc/sys/net/ipv4/ip_forward
    fi
    rm -rf --one-file-system "$work"
    exit "$code"
}
trap remove EXIT
trap 'exit 130' INT TERM

# --- Docker ----------------------------------------------------------------------------------------------------------
step "Docker and Compose"
scripts/packages.sh docker
# BuildKit comes with the daemon for clients before 23, and as a component called buildx after that.
usable() {
    local major
    major=$("$1" --version 2>/dev/null | sed -n 's/^Docker version \([0-9]*\)\..*/\1/p')
    [ -n "$major" ] && { [ "$major" -lt 23 ] || "$1" buildx version >/dev/null 2>&1; }
}
docker=
for candidate in docker /usr/bin/docker; do
    if usable "$candidate"; then docker=$(command -v "$candidate"); break; fi
done
[ -n "$docker" ] || { echo "this Docker client has no buildx: install it (docker-buildx-plugin)" >&2; exit 2; }
if "$docker" compose version >/dev/null 2>&1; then compose=("$docker" compose); else compose=(docker-compose); fi

if ! "$docker" info >/dev/null 2>&1; then
    had_bridge=$(ip link show docker0 2>/dev/null || true)
    forwarding=$(cat /proc/sys/net/ipv4/ip_forward)
    iptables-save >"$work/iptables"
    # Networks that are seldom used elsewhere, and a socket that nobody else finds.
    dockerd --data-root "$work/docker" --exec-root "$work/exec" --pidfile "$work/docker.pid" \
        --host "unix://$work/docker.sock" --bip 10.89.32.1/24 --default-address-pool base=10.89.48.0/20,size=24 \
        >"$work/dockerd.log" 2>&1 &
    started_daemon=$!
    export DOCKER_HOST=unix://$work/docker.sock
    for _ in $(seq 300); do
        "$docker" info >/dev/null 2>&1 && break
        kill -0 "$started_daemon" 2>/dev/null || { tail -5 "$work/dockerd.log" >&2; exit 1; }
        sleep 0.1
    done
    "$docker" info >/dev/null || { tail -5 "$work/dockerd.log" >&2; exit 1; }
fi

# --- binaries --------------------------------------------------------------------------------------------------------
mkdir -p "$work/context/prebuilt"
for name in ukai ukai-api ukai-gateway ukai-scheduler ukai-heartbeat-monitor ukai-worker; do
    [ -x "$UKAI_BINARIES/$name" ] || { echo "$UKAI_BINARIES has no $name" >&2; exit 2; }
    strip -o "$work/context/prebuilt/$name" "$UKAI_BINARIES/$name" 2>/dev/null \
        || cp "$UKAI_BINARIES/$name" "$work/context/prebuilt/$name"
done

# --- images ----------------------------------------------------------------------------------------------------------
step "images"
mkdir -p "$kept"
codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
tarball=$kept/$codename.tar
if [ -z "$(find "$tarball" -mtime -7 2>/dev/null)" ]; then
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Codename: $codename" 'Component: main' | head -1)
    debootstrap --variant=minbase --include=ca-certificates "$codename" "$work/debian" "$mirror" >"$work/debootstrap.log" \
        || { tail -5 "$work/debootstrap.log" >&2; exit 1; }
    apt-config dump | grep -E '^Acquire::[a-z]*::(Proxy|Proxy::.*) ' >"$work/debian/etc/apt/apt.conf.d/90proxy" || true
    rm -f "$work"/debian/var/cache/apt/archives/*.deb
    tar -C "$work/debian" -cf "$tarball.new" .
    mv "$tarball.new" "$tarball"
fi
# Where a daemon runs anyway, it keeps this one, and with it what was built upon it.
debian=ukai-test/debian:$codename-$(stat -c %Y "$tarball")
"$docker" image inspect "$debian" >/dev/null 2>&1 || "$docker" import "$tarball" "$debian" >/dev/null
image() { # NAME TARGET CONTEXT [OPTION...]
    local name=$1 stage=$2 context=$3
    shift 3
    DOCKER_BUILDKIT=1 "$docker" build --quiet --build-arg "DEBIAN_IMAGE=$debian" \
        --target "$stage" --tag "ukai-test/$name:$project" "$@" "$context" >"$work/image-$name.log" 2>&1 \
        || { tail -20 "$work/image-$name.log" >&2; return 1; }
    images="${images:-} ukai-test/$name:$project"
}
for stage in postgres nats caddy prometheus; do
    image "$stage" "$stage" deploy/compose/test/stand-ins
done
for stage in server worker; do
    image "$stage" "$stage" "$work/context" --file deploy/Dockerfile --build-arg BINARIES=prebuilt
done
# The stages that compile need an image with Rust, which can't be pulled here; what they start from is looked at.
image skeleton skeleton . --file deploy/Dockerfile --build-arg "RUST_IMAGE=$debian"
"$docker" run --rm "ukai-test/skeleton:$project" sh -c 'cat /skeleton/Cargo.lock && find /skeleton -name lib.rs' >"$work/skeleton"
cmp -s <(head -n "$(wc -l <Cargo.lock)" "$work/skeleton") Cargo.lock
[ "$(grep -c '/lib.rs$' "$work/skeleton")" -eq "$(ls -d crates/*/Cargo.toml services/*/Cargo.toml | wc -l)" ]

# --- the stack -------------------------------------------------------------------------------------------------------
step "docker-compose.yml"
port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
tls_port=$(node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
files=$(ulimit -Hn)
if [ "$files" = unlimited ] || [ "$files" -gt 65536 ]; then files=65536; fi
deploy/compose/env.sh "$work/env" >/dev/null
cat >>"$work/env" <<END
UKAI_IMAGE=ukai-test/server:$project
UKAI_WORKER_IMAGE=ukai-test/worker:$project
UKAI_POSTGRES_IMAGE=ukai-test/postgres:$project
UKAI_NATS_IMAGE=ukai-test/nats:$project
UKAI_PROXY_IMAGE=ukai-test/caddy:$project
UKAI_PROMETHEUS_IMAGE=ukai-test/prometheus:$project
UKAI_HTTP_PORT=$port
UKAI_HTTPS_PORT=$tls_port
UKAI_MIN_DELAY_MS=100
UKAI_MAX_DELAY_MS=200
UKAI_IPINFO_URL=off
UKAI_NOFILE=$files
END
compose+=(--project-name "$project" --project-directory "$root" --env-file "$work/env" -f docker-compose.yml
    -f deploy/compose/test/override.yml)
composed() { "${compose[@]}" "$@"; }
composed config --quiet
compose_ready=yes
composed up -d --no-build proxy heartbeat-monitor shop >"$work/up.log" 2>&1 || { tail -20 "$work/up.log" >&2; exit 1; }
healthy() {
    local state
    state=$(composed ps -q | xargs "$docker" inspect --format '{{.Name}} {{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}} {{.State.ExitCode}}')
    ! grep -vE ' healthy 0$| exited 0$' <<<"$state" >"$work/unhealthy"
}
until healthy; do
    [ "$(date +%s)" -lt "$DEADLINE" ] || { cat "$work/unhealthy" >&2; exit 1; }
    sleep 0.5
done
"$docker" ps --all --filter "label=com.docker.compose.project=$project" --format '    {{.Names}}: {{.Status}}'

step "the main job"
key=$(sed -n 's/^UKAI_ADMIN_KEY=//p' "$work/env")
found=$(node deploy/compose/test/drive.mjs "$(node -e '
    const [origin, key, docker, project, ukai, folder, tasks, workers, ...compose] = process.argv.slice(1);
    console.log(JSON.stringify({ origin, key, docker, project, ukai, folder, tasks: +tasks, workers: +workers, compose }));
' -- "http://127.0.0.1:$port" "$key" "$docker" "$project" "$UKAI_BINARIES/ukai" "$work" "${UKAI_COMPOSE_TASKS:-20000}" \
    "${UKAI_COMPOSE_WORKERS:-200}" "${compose[@]}")")
printf '%s\n' "$found" >"$work/found.json"

# --- the report ------------------------------------------------------------------------------------------------------
step "docs/operations.md"
version() { "$docker" run --rm --entrypoint "$2" "ukai-test/$1:$project" "${@:3}" 2>&1 | head -1; }
node deploy/compose/test/report.mjs docs/operations.md "$work/found.json" \
    "Docker $("$docker" version --format '{{.Server.Version}}')" \
    "Compose $("${compose[@]}" version --short)" \
    "$(version postgres postgres --version | sed 's/^postgres (PostgreSQL) \([0-9.]*\).*/PostgreSQL \1/')" \
    "NATS $(version nats nats-server --version | sed 's/.*v//')" \
    "Caddy $(version caddy caddy version | cut -d' ' -f1)" \
    "Prometheus $(version prometheus prometheus --version | sed 's/.*version \([0-9.]*\).*/\1/')" \
    "Linux $(uname -r | cut -d- -f1)"
step "done $((870 - DEADLINE + $(date +%s))) s after the start"
