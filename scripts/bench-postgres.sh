#!/usr/bin/env bash
# Measures on a PostgreSQL of its own that waits for its disk: end to end, then the queue alone. Removes it at the end.
# usage: bench-postgres.sh UKAI [flags of `ukai bench`]; without flags: everything, judged by --check
set -eu
ukai=$1
shift
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
[ -n "$bin" ] || bin=$(dirname "$(command -v postgres)")

as_postgres=()
folder=$(mktemp -d /var/tmp/ukai-bench-postgres-XXXXXX)
chmod 755 "$folder"
mkdir "$folder/data"
if [ "$(id -u)" -eq 0 ]; then
    as_postgres=(setpriv --reuid=postgres --regid=postgres --init-groups)
    chown postgres: "$folder/data"
fi
server=
end() {
    if [ -n "$server" ]; then kill -INT "$server" 2>/dev/null && wait "$server" || true; fi
    rm -rf "$folder"
}
trap end EXIT
trap 'exit 130' INT TERM

# A fresh database for each measurement, on a port that nobody else has.
start() {
    rm -rf "$folder/data"/*
    (cd / && "${as_postgres[@]}" "$bin/initdb" -D "$folder/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 \
        --no-instructions >"$folder/log")
    for _ in 1 2 3 4 5; do
        port=$((20000 + RANDOM % 12000))
        # As docs/operations.md advises; fsync, full_page_writes and synchronous_commit stay on.
        (cd / && exec "${as_postgres[@]}" "$bin/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 \
            -c unix_socket_directories= -c shared_buffers=1GB -c max_wal_size=4GB) >"$folder/log" 2>&1 &
        server=$!
        for _ in $(seq 300); do
            [ "$(sed -n 8p "$folder/data/postmaster.pid" 2>/dev/null | tr -d ' ')" = ready ] && return 0
            kill -0 "$server" 2>/dev/null || break
            sleep 0.1
        done
        grep -q 'could not create any TCP/IP sockets' "$folder/log" || break
    done
    cat "$folder/log" >&2
    exit 1
}

stop() {
    kill -INT "$server"
    wait "$server" || true
    server=
}

measure() {
    local status=0
    start
    "$ukai" bench --database-url "postgres://postgres@127.0.0.1:$port/postgres" "$@" || status=$?
    stop
    return "$status"
}

if [ $# -gt 0 ]; then
    measure "$@"
else
    failed=0
    # The documents of both go to standard output; each judges itself.
    measure --tasks 60000 --backlog 1000000 --hold-snapshot --limit 1800 --check || failed=$?
    measure --tasks 200000 --queue-only --check || failed=$?
    exit "$failed"
fi
