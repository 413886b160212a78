-- The first schema. Times are milliseconds since 1970 UTC; a task's id is a UUIDv7 that the leader deals in rising
-- order, so that "newest first" is the order of ids. JSON is text, byte for byte as it came.
-- Each place that a task can be in is a narrow table of its own; a task moves by delete and insert.
-- Words are compared by bytes (COLLATE "C"), whatever the database's own order.

-- What was submitted; it never changes.
CREATE TABLE task (
    id           uuid PRIMARY KEY,
    job          uuid NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    host         text COLLATE "C" NOT NULL,
    url          text NOT NULL,
    priority     smallint NOT NULL,
    max_attempts smallint NOT NULL,
    timeout_ms   bigint,
    options      text,
    created_at   bigint NOT NULL
);
-- The list of a job's tasks, and the sweep of a deleted job's ended ones.
CREATE INDEX task_job ON task (job, id);

-- May be handed out. "rank" is 100 - priority: the first rows of a kind are its next. The rows of one
-- (kind, rank, job) are one range, in the order in which they are handed out: what a job is read on by.
CREATE TABLE task_ready (
    kind         text COLLATE "C" NOT NULL,
    rank         smallint NOT NULL,
    job          uuid NOT NULL,
    id           uuid NOT NULL,
    host         text COLLATE "C" NOT NULL,
    run          integer NOT NULL,
    attempts     smallint NOT NULL,
    losses       smallint NOT NULL,
    parse_errors smallint NOT NULL,
    avoid        uuid,
    PRIMARY KEY (kind, rank, job, id)
);

-- Becomes ready at a time.
CREATE TABLE task_delayed (
    id           uuid PRIMARY KEY,
    at           bigint NOT NULL,
    job          uuid NOT NULL,
    run          integer NOT NULL,
    attempts     smallint NOT NULL,
    losses       smallint NOT NULL,
    parse_errors smallint NOT NULL,
    avoid        uuid
);
-- The timers, in order.
CREATE INDEX task_delayed_at ON task_delayed (at, id);
-- The sweep of a cancelled job.
CREATE INDEX task_delayed_job ON task_delayed (job, id);

-- With a worker. As many rows as slots. Half of each page stays free, so that a start changes its row in place.
CREATE TABLE task_lease (
    id           uuid PRIMARY KEY,
    run          integer NOT NULL,
    attempts     smallint NOT NULL,
    losses       smallint NOT NULL,
    parse_errors smallint NOT NULL,
    avoid        uuid,
    worker       uuid NOT NULL,
    session      uuid NOT NULL,
    assigned_at  bigint NOT NULL,
    started_at   bigint,
    deadline     bigint NOT NULL
) WITH (fillfactor = 50);

-- Ended. "error" is JSON: type, message, details.
CREATE TABLE task_done (
    id           uuid PRIMARY KEY,
    run          integer NOT NULL,
    attempts     smallint NOT NULL,
    losses       smallint NOT NULL,
    parse_errors smallint NOT NULL,
    avoid        uuid,
    status       text COLLATE "C" NOT NULL,
    finished_at  bigint NOT NULL,
    error        text
);
-- The lists of failed and of cancelled tasks; a completed task costs nothing here.
CREATE INDEX task_done_unhappy ON task_done (status, id) WHERE status IN ('failed', 'cancelled');

-- Ended runs, appended once.
CREATE TABLE run (
    task        uuid NOT NULL,
    run         integer NOT NULL,
    attempt     smallint NOT NULL,
    worker      uuid NOT NULL,
    assigned_at bigint NOT NULL,
    started_at  bigint,
    ended_at    bigint NOT NULL,
    outcome     text COLLATE "C" NOT NULL,
    error       text,
    run_metrics text,
    items       bigint,
    metrics     text,
    extra       text,
    result      text,
    PRIMARY KEY (task, run)
);
-- The list of a worker's tasks.
CREATE INDEX run_worker ON run (worker, task);

CREATE TABLE job (
    id           uuid PRIMARY KEY,
    name         text NOT NULL,
    kind         text COLLATE "C" NOT NULL,
    status       text COLLATE "C" NOT NULL,
    weight       bigint NOT NULL,
    implicit     boolean NOT NULL,
    deleting     boolean NOT NULL,
    created_at   bigint NOT NULL,
    started_at   bigint,
    completed_at bigint,
    error        text
) WITH (fillfactor = 80);

-- The balance of each job is its row here plus its rows in job_delta. Those of deleted jobs are added to the row of
-- the nil id: the sum over all rows is the balance of everything ever.
CREATE TABLE job_count (
    job       uuid PRIMARY KEY,
    submitted bigint NOT NULL,
    ready     bigint NOT NULL,
    delayed   bigint NOT NULL,
    leased    bigint NOT NULL,
    completed bigint NOT NULL,
    failed    bigint NOT NULL,
    cancelled bigint NOT NULL,
    purged    bigint NOT NULL,
    items     bigint NOT NULL
) WITH (fillfactor = 50);
-- What commits added since the last fold. A row that every commit changed in place would leave a version behind each
-- time, and every look at it would walk over all of them while anybody holds an old snapshot.
CREATE TABLE job_delta (
    job       uuid NOT NULL,
    submitted bigint NOT NULL,
    ready     bigint NOT NULL,
    delayed   bigint NOT NULL,
    leased    bigint NOT NULL,
    completed bigint NOT NULL,
    failed    bigint NOT NULL,
    cancelled bigint NOT NULL,
    purged    bigint NOT NULL,
    items     bigint NOT NULL
);

CREATE TABLE worker (
    id                uuid PRIMARY KEY,
    name              text NOT NULL,
    token_hash        text,
    token_prefix      text COLLATE "C",
    blocked           boolean NOT NULL,
    blocked_reason    text,
    capabilities      text NOT NULL,
    capacity          bigint NOT NULL,
    config            text NOT NULL,
    network           text NOT NULL,
    stats             text NOT NULL,
    last_heartbeat_at bigint,
    connected_at      bigint,
    created_at        bigint NOT NULL
) WITH (fillfactor = 80);
-- The look-up of a token at connection.
CREATE INDEX worker_token ON worker (token_prefix) WHERE token_prefix IS NOT NULL;

-- The log: one row for each commit and job, holding the events of one contiguous range of numbers as JSON.
CREATE TABLE event (
    first bigint PRIMARY KEY,
    last  bigint NOT NULL,
    job   uuid NOT NULL,
    at    bigint NOT NULL,
    body  text NOT NULL
);
-- The log of one job.
CREATE INDEX event_job ON event (job, first);

CREATE TABLE lane_state (
    kind         text COLLATE "C" NOT NULL,
    host         text COLLATE "C" NOT NULL,
    cool_until   bigint NOT NULL,
    cool_level   smallint NOT NULL,
    last_handout bigint NOT NULL,
    PRIMARY KEY (kind, host)
) WITH (fillfactor = 70);

CREATE TABLE host (
    host            text COLLATE "C" PRIMARY KEY,
    min_interval_ms bigint NOT NULL,
    max_concurrency bigint NOT NULL
);

CREATE TABLE idempotency (
    principal text COLLATE "C" NOT NULL,
    route     text COLLATE "C" NOT NULL,
    key       text COLLATE "C" NOT NULL,
    body_hash text NOT NULL,
    reply     text NOT NULL,
    at        bigint NOT NULL,
    PRIMARY KEY (principal, route, key)
);
-- What is old enough to forget.
CREATE INDEX idempotency_at ON idempotency (at);

-- One row: who leads; epoch 0 is nobody yet. The epoch is the fence of every commit. "backend" is the
-- application_name of the leader's connections, which its successor ends.
CREATE TABLE leader (
    one        boolean PRIMARY KEY CHECK (one),
    epoch      bigint NOT NULL,
    address    text NOT NULL,
    expires_at bigint NOT NULL,
    backend    text NOT NULL
) WITH (fillfactor = 20);
INSERT INTO leader VALUES (true, 0, '', 0, '');

-- The names of commits. The newest row says where the event numbers stand and is never removed.
CREATE TABLE commit_log (
    epoch      bigint NOT NULL,
    n          bigint NOT NULL,
    last_event bigint NOT NULL,
    now        bigint NOT NULL,
    PRIMARY KEY (epoch, n)
);

CREATE TABLE api_key (
    id         uuid PRIMARY KEY,
    name       text NOT NULL,
    role       text NOT NULL,
    prefix     text COLLATE "C" NOT NULL,
    hash       text NOT NULL,
    created_at bigint NOT NULL,
    revoked_at bigint
);
-- The look-up of a key at each request.
CREATE INDEX api_key_prefix ON api_key (prefix);

-- Files that workers brought: what is known of each. The bytes lie in the artifact store under their hash; a row
-- goes with its task.
CREATE TABLE artifact (
    id           uuid PRIMARY KEY,
    task         uuid NOT NULL,
    run          integer NOT NULL,
    worker       uuid NOT NULL,
    kind         text NOT NULL,
    name         text NOT NULL,
    content_type text NOT NULL,
    size         bigint NOT NULL,
    sha256       text COLLATE "C" NOT NULL,
    width        bigint,
    height       bigint,
    thumbnail    text COLLATE "C",
    created_at   bigint NOT NULL
);
-- The files of a task, in the order of their arrival.
CREATE INDEX artifact_task ON artifact (task, created_at, id);
-- What is old enough to forget.
CREATE INDEX artifact_at ON artifact (created_at);
-- Whether a stored file is still named by a row.
CREATE INDEX artifact_sha256 ON artifact (sha256);
CREATE INDEX artifact_thumbnail ON artifact (thumbnail) WHERE thumbnail IS NOT NULL;

-- Rows come and go in these all the time: they are vacuumed by number of dead rows, not by share, without pauses, and
-- their files keep their size (giving the end of a file back locks out every reader and writer).
ALTER TABLE task_ready SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
    autovacuum_analyze_scale_factor = 0.1, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = false);
ALTER TABLE task_delayed SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0, vacuum_truncate = false);
ALTER TABLE task_lease SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0, vacuum_truncate = false);
ALTER TABLE job_delta SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0, vacuum_truncate = false);
ALTER TABLE job_count SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_cost_delay = 0, vacuum_truncate = false);
ALTER TABLE leader SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50,
    autovacuum_vacuum_cost_delay = 0, vacuum_truncate = false);

-- Large texts: the quick compression, where this server was built with it.
DO $$
BEGIN
    ALTER TABLE event ALTER body SET COMPRESSION lz4;
    ALTER TABLE run ALTER result SET COMPRESSION lz4, ALTER extra SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END
$$;
