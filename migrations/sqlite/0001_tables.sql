-- The first schema. Times are milliseconds since 1970 UTC; ids are UUIDs as 16 bytes; a task's id is a UUIDv7
-- that the leader deals in rising order, so that "newest first" is the order of ids.
-- Each place that a task can be in is a narrow table of its own; a task moves by delete and insert.

-- What was submitted; it never changes.
CREATE TABLE task (
    id           BLOB PRIMARY KEY,
    job          BLOB NOT NULL,
    kind         TEXT NOT NULL,
    host         TEXT NOT NULL,
    url          TEXT NOT NULL,
    priority     INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    timeout_ms   INTEGER,
    options      TEXT,
    created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- The list of a job's tasks, and the sweep of a deleted job's ended ones.
CREATE INDEX task_job ON task (job, id);

-- May be handed out. "rank" is 100 - priority: the first rows of a kind are its next. The rows of one
-- (kind, rank, job) are one range, in the order in which they are handed out: what a job is read on by.
CREATE TABLE task_ready (
    kind         TEXT NOT NULL,
    rank         INTEGER NOT NULL,
    job          BLOB NOT NULL,
    id           BLOB NOT NULL,
    host         TEXT NOT NULL,
    run          INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    losses       INTEGER NOT NULL,
    parse_errors INTEGER NOT NULL,
    avoid        BLOB,
    PRIMARY KEY (kind, rank, job, id)
) STRICT, WITHOUT ROWID;

-- Becomes ready at a time.
CREATE TABLE task_delayed (
    id           BLOB PRIMARY KEY,
    at           INTEGER NOT NULL,
    job          BLOB NOT NULL,
    run          INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    losses       INTEGER NOT NULL,
    parse_errors INTEGER NOT NULL,
    avoid        BLOB
) STRICT, WITHOUT ROWID;
-- The timers, in order.
CREATE INDEX task_delayed_at ON task_delayed (at, id);
-- The sweep of a cancelled job.
CREATE INDEX task_delayed_job ON task_delayed (job, id);

-- With a worker. As many rows as slots: it needs no index.
CREATE TABLE task_lease (
    id           BLOB PRIMARY KEY,
    run          INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    losses       INTEGER NOT NULL,
    parse_errors INTEGER NOT NULL,
    avoid        BLOB,
    worker       BLOB NOT NULL,
    session      BLOB NOT NULL,
    assigned_at  INTEGER NOT NULL,
    started_at   INTEGER,
    deadline     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Ended. "error" is JSON: type, message, details.
CREATE TABLE task_done (
    id           BLOB PRIMARY KEY,
    run          INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    losses       INTEGER NOT NULL,
    parse_errors INTEGER NOT NULL,
    avoid        BLOB,
    status       TEXT NOT NULL,
    finished_at  INTEGER NOT NULL,
    error        TEXT
) STRICT, WITHOUT ROWID;
-- The lists of failed and of cancelled tasks; a completed task costs nothing here.
CREATE INDEX task_done_unhappy ON task_done (status, id) WHERE status IN ('failed', 'cancelled');

-- Ended runs, appended once. A table by rowid, because rows with results are large: they append without
-- moving others, and only the narrow index is searched.
CREATE TABLE run (
    task        BLOB NOT NULL,
    run         INTEGER NOT NULL,
    attempt     INTEGER NOT NULL,
    worker      BLOB NOT NULL,
    assigned_at INTEGER NOT NULL,
    started_at  INTEGER,
    ended_at    INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    error       TEXT,
    run_metrics TEXT,
    items       INTEGER,
    metrics     TEXT,
    extra       TEXT,
    result      TEXT
) STRICT;
-- A task's runs, and their uniqueness.
CREATE UNIQUE INDEX run_task ON run (task, run);
-- The list of a worker's tasks: (worker, task) of the runs up to rowid "through". Runs of one commit are of as
-- many workers: an index would touch a page for each (measured: 15 of 38 us a task), so it is filled a few
-- thousand runs at once, sorted, and the tail of "run" behind it is read as it is.
CREATE TABLE run_worker (
    worker BLOB NOT NULL,
    task   BLOB NOT NULL,
    PRIMARY KEY (worker, task)
) STRICT, WITHOUT ROWID;
CREATE TABLE run_worker_through (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    through INTEGER NOT NULL
) STRICT;
INSERT INTO run_worker_through VALUES (1, 0);

CREATE TABLE job (
    id           BLOB PRIMARY KEY,
    name         TEXT NOT NULL,
    kind         TEXT NOT NULL,
    status       TEXT NOT NULL,
    weight       INTEGER NOT NULL,
    implicit     INTEGER NOT NULL,
    deleting     INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    started_at   INTEGER,
    completed_at INTEGER,
    error        TEXT
) STRICT, WITHOUT ROWID;

-- The balance of each job, added to in place: there is one writer, so nobody waits for a row. Those of
-- deleted jobs are added to the row of the nil id: the sum over all rows is the balance of everything ever.
CREATE TABLE job_count (
    job       BLOB PRIMARY KEY,
    submitted INTEGER NOT NULL,
    ready     INTEGER NOT NULL,
    delayed   INTEGER NOT NULL,
    leased    INTEGER NOT NULL,
    completed INTEGER NOT NULL,
    failed    INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    purged    INTEGER NOT NULL,
    items     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE worker (
    id                BLOB PRIMARY KEY,
    name              TEXT NOT NULL,
    token_hash        TEXT,
    token_prefix      TEXT,
    blocked           INTEGER NOT NULL,
    blocked_reason    TEXT,
    capabilities      TEXT NOT NULL,
    capacity          INTEGER NOT NULL,
    config            TEXT NOT NULL,
    network           TEXT NOT NULL,
    stats             TEXT NOT NULL,
    last_heartbeat_at INTEGER,
    connected_at      INTEGER,
    created_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- The look-up of a token at connection.
CREATE INDEX worker_token ON worker (token_prefix) WHERE token_prefix IS NOT NULL;

-- The log: one row for each commit and job, holding the events of one contiguous range of numbers as JSON.
CREATE TABLE event (
    first INTEGER PRIMARY KEY,
    last  INTEGER NOT NULL,
    job   BLOB NOT NULL,
    at    INTEGER NOT NULL,
    body  TEXT NOT NULL
) STRICT;
-- The log of one job.
CREATE INDEX event_job ON event (job, first);

CREATE TABLE lane_state (
    kind         TEXT NOT NULL,
    host         TEXT NOT NULL,
    cool_until   INTEGER NOT NULL,
    cool_level   INTEGER NOT NULL,
    last_handout INTEGER NOT NULL,
    PRIMARY KEY (kind, host)
) STRICT, WITHOUT ROWID;

CREATE TABLE host (
    host            TEXT PRIMARY KEY,
    min_interval_ms INTEGER NOT NULL,
    max_concurrency INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    principal TEXT NOT NULL,
    route     TEXT NOT NULL,
    key       TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    reply     TEXT NOT NULL,
    at        INTEGER NOT NULL,
    PRIMARY KEY (principal, route, key)
) STRICT, WITHOUT ROWID;
-- What is old enough to forget.
CREATE INDEX idempotency_at ON idempotency (at);

-- One row: who leads. The epoch is the fence of every commit.
CREATE TABLE leader (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    epoch      INTEGER NOT NULL,
    address    TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;

-- The names of commits. The newest row says where the event numbers stand and is never removed.
CREATE TABLE commit_log (
    epoch      INTEGER NOT NULL,
    n          INTEGER NOT NULL,
    last_event INTEGER NOT NULL,
    now        INTEGER NOT NULL,
    PRIMARY KEY (epoch, n)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
    id         BLOB PRIMARY KEY,
    name       TEXT NOT NULL,
    role       TEXT NOT NULL,
    prefix     TEXT NOT NULL,
    hash       TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;
-- The look-up of a key at each request.
CREATE INDEX api_key_prefix ON api_key (prefix);
