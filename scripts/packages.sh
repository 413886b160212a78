#!/usr/bin/env bash
# Installs Debian's packages for what is asked for and not found: browser (the default), window (a browser that shows its
# pages, and a display for it), nats-server, postgresql, faketime, docker.
# Exits 2 and says what to do where it can't.
set -eu

any_executable() {
    local path
    for path in "$@"; do [ -x "$path" ] && return 0; done
    return 1
}

# The folder of its programs: version 15 or newer, server and psql.
newest_postgresql() {
    local folder version
    for folder in /usr/lib/postgresql/*/bin; do
        version=${folder#/usr/lib/postgresql/}
        version=${version%/bin}
        case "$version" in *[!0-9]* | "") continue ;; esac
        if [ "$version" -ge 15 ] && [ -x "$folder/initdb" ] && [ -x "$folder/psql" ]; then echo "$folder"; return 0; fi
    done
    for folder in /usr/local/bin /usr/bin /usr/local/pgsql/bin /opt/homebrew/bin; do
        if [ -x "$folder/initdb" ] && [ -x "$folder/psql" ]; then echo "$folder"; return 0; fi
    done
    return 1
}

found() {
    case "$1" in
        browser) any_executable /usr/lib/chromium/chromium-headless-shell /usr/bin/chromium-headless-shell \
            /usr/lib/chromium/chromium /usr/lib/chromium-browser/chromium-browser \
            /usr/lib64/chromium-browser/chromium-browser /opt/google/chrome/chrome /usr/bin/google-chrome-stable \
            /usr/bin/google-chrome /usr/bin/chromium \
            "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
            /Applications/Chromium.app/Contents/MacOS/Chromium /opt/homebrew/bin/chromium ;;
        window) [ "$(uname -s)" = Darwin ] || any_executable /usr/bin/Xvfb && any_executable /usr/lib/chromium/chromium \
            /usr/lib/chromium-browser/chromium-browser /usr/lib64/chromium-browser/chromium-browser \
            /opt/google/chrome/chrome /usr/bin/google-chrome-stable /usr/bin/google-chrome /usr/bin/chromium ;;
        nats-server) any_executable /usr/sbin/nats-server /usr/local/bin/nats-server /usr/bin/nats-server \
            /opt/homebrew/bin/nats-server /usr/local/sbin/nats-server ;;
        postgresql) newest_postgresql >/dev/null ;;
        faketime) compgen -G '/usr/lib*/*/faketime/libfaketimeMT.so.1' || compgen -G '/usr/lib*/faketime/libfaketimeMT.so.1' ||
            compgen -G '/usr/local/lib/faketime/libfaketimeMT.so.1' ;;
        docker) any_executable /usr/sbin/dockerd /usr/bin/dockerd && any_executable /usr/sbin/debootstrap &&
            any_executable /usr/sbin/iptables && { docker compose version >/dev/null 2>&1 ||
            any_executable /usr/bin/docker-compose /usr/local/bin/docker-compose; } ;;
        *) echo "packages.sh: $1 is not known: browser, window, nats-server, postgresql, faketime, docker" >&2; exit 2 ;;
    esac
}

packages() {
    case "$1" in
        browser) echo "chromium-headless-shell chromium-sandbox fonts-dejavu-core" ;;
        window) echo "chromium chromium-sandbox xvfb fonts-dejavu-core" ;;
        nats-server) echo "nats-server" ;;
        postgresql) echo "postgresql postgresql-client" ;;
        faketime) echo "libfaketime" ;;
        docker) echo "docker.io docker-compose iptables debootstrap" ;;
    esac
}

# How it is come by where there is no apt-get.
elsewhere() {
    case "$1" in
        browser) echo "Install Chromium or Google Chrome (https://www.google.com/chrome)" ;;
        window) echo "Install Chromium or Google Chrome, and Xvfb" ;;
        nats-server) echo "Install nats-server 2.9 or newer (https://nats.io; brew install nats-server)" ;;
        postgresql) echo "Install PostgreSQL 15 or newer (https://www.postgresql.org; brew install postgresql)" ;;
        faketime) echo "Install libfaketime (https://github.com/wolfcw/libfaketime)" ;;
        docker) echo "Only Debian and what comes from it can run this test: install docker.io, docker-compose, debootstrap" ;;
    esac
}

missing=()
wanted=()
for thing in "${@:-browser}"; do
    found "$thing" >/dev/null && continue
    missing+=("$thing")
    read -ra names <<<"$(packages "$thing")"
    wanted+=("${names[@]}")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(uname -s)" = Darwin ] || ! command -v apt-get >/dev/null; then
    for thing in "${missing[@]}"; do echo "No $thing found. $(elsewhere "$thing") and try again." >&2; done
    exit 2
fi
as_root() { "$@"; }
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Not found: ${missing[*]}. As root: apt-get install --no-install-recommends ${wanted[*]}" >&2
        exit 2
    fi
    as_root() { sudo "$@"; }
fi

# A server that tests start by themselves must not run as a service as well: whoever asks is told «not allowed». A
# policy that is there already stays.
policy=/usr/sbin/policy-rc.d
made_policy=no
no_services() {
    [ -e "$policy" ] && return 0
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    made_policy=yes
    as_root chmod 755 "$policy"
}
services_again() { if [ "$made_policy" = yes ]; then as_root rm -f "$policy"; fi; }
trap services_again EXIT

# Debian's package also makes a cluster of its own; tests make theirs. The package that asks this file comes first.
no_cluster() {
    local file=/etc/postgresql-common/createcluster.conf
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql-common
    as_root sed -i 's/^#\?create_main_cluster *=.*/create_main_cluster = false/' "$file"
    grep -q '^create_main_cluster = false' "$file" || echo 'create_main_cluster = false' | as_root tee -a "$file" >/dev/null
}

echo "installing Debian's packages: ${wanted[*]}"
as_root apt-get update
no_services
case " ${missing[*]} " in *" postgresql "*) no_cluster ;; esac
as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${wanted[@]}"
for thing in "${missing[@]}"; do
    found "$thing" >/dev/null || { echo "$thing was installed, but its binary isn't where Ukai looks for it." >&2; exit 2; }
done
