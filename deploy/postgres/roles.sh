#!/bin/sh
# Runs once, when the database is made: one login a duty. The owner makes and changes tables (`ukai migrate`), the
# scheduler writes rows, the readers read. The two roles without login get their rights from the migrations.
set -eu
: "${UKAI_DB_OWNER_PASSWORD:?}" "${UKAI_DB_SCHEDULER_PASSWORD:?}" "${UKAI_DB_READER_PASSWORD:?}"

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    --set owner="$UKAI_DB_OWNER_PASSWORD" --set scheduler="$UKAI_DB_SCHEDULER_PASSWORD" \
    --set reader="$UKAI_DB_READER_PASSWORD" <<'SQL'
CREATE ROLE ukai_reader NOLOGIN;
CREATE ROLE ukai_scheduler NOLOGIN;
CREATE ROLE ukai_owner LOGIN PASSWORD :'owner';
CREATE ROLE ukai_leader LOGIN PASSWORD :'scheduler' IN ROLE ukai_scheduler;
CREATE ROLE ukai_view LOGIN PASSWORD :'reader' IN ROLE ukai_reader;
CREATE DATABASE ukai OWNER ukai_owner;
REVOKE ALL ON DATABASE ukai FROM PUBLIC;
GRANT CONNECT ON DATABASE ukai TO ukai_reader, ukai_scheduler;
\connect ukai
REVOKE ALL ON SCHEMA public FROM PUBLIC;
SQL
