#!/bin/sh
# Makes the database where there is none, with the scripts that stand ready for that, then runs the server.
set -eu
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    : "${POSTGRES_PASSWORD:?}"
    secret=$(mktemp)
    printf '%s\n' "$POSTGRES_PASSWORD" >"$secret"
    initdb --pgdata "$PGDATA" --username postgres --pwfile "$secret" --auth-local trust --auth-host scram-sha-256 \
        --encoding UTF8 --locale C.UTF-8 --data-checksums
    rm "$secret"
    printf 'host all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"
    pg_ctl --pgdata "$PGDATA" --wait --options "-c listen_addresses=''" start
    for script in /docker-entrypoint-initdb.d/*.sh; do
        [ ! -f "$script" ] || POSTGRES_USER=postgres sh "$script"
    done
    pg_ctl --pgdata "$PGDATA" --wait --mode fast stop
fi
if [ "$1" = postgres ]; then
    shift
    set -- postgres -c "listen_addresses=*" "$@"
fi
exec "$@"
