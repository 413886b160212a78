#!/usr/bin/env bash
# Makes the file of settings and secrets for docker-compose.yml: the example with a random value for each empty secret.
# A value that is already there stays. They begin with a letter, which nats-server asks for. usage: env.sh [FILE], .env beside docker-compose.yml if not given
set -eu
cd "$(dirname "$0")/../.."
file=${1:-.env}
umask 077
[ -e "$file" ] || cp deploy/compose/ukai.env.example "$file"
made=0
new=$(mktemp "$file.XXXXXX")
trap 'rm -f "$new"' EXIT
while IFS= read -r line || [ -n "$line" ]; do
    case "$line" in
    \#*) ;;
    UKAI_*=)
        line=${line}u$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')
        made=$((made + 1))
        ;;
    esac
    printf '%s\n' "$line"
done <"$file" >"$new"
chmod 600 "$new"
mv "$new" "$file"
echo "$file: $made new secrets"
