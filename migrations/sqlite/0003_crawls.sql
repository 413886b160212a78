-- Jobs that follow links.

-- Links away from a start page of its crawl.
ALTER TABLE task ADD COLUMN depth INTEGER NOT NULL DEFAULT 0;

-- What a crawl follows and how far it is, as JSON; null for other jobs.
ALTER TABLE job ADD COLUMN crawl TEXT;

-- The links of completed pages that have not become tasks yet, with what those tasks will have. "links" is a JSON
-- array of "count" addresses. Rows with links are large, so they lie by rowid and the narrow index is searched; a row
-- lives for a step or two, longer only while its job is paused.
CREATE TABLE expansion (
    job          BLOB NOT NULL,
    task         BLOB NOT NULL,
    depth        INTEGER NOT NULL,
    priority     INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    timeout_ms   INTEGER,
    count        INTEGER NOT NULL,
    options      TEXT,
    links        TEXT NOT NULL
) STRICT;
-- The next of a job, oldest page first.
CREATE UNIQUE INDEX expansion_job ON expansion (job, task);

-- The pages that each crawl has: half a SHA-256 of the address, as two addresses of the same page have in common.
CREATE TABLE job_url (
    job  BLOB NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (job, hash)
) STRICT, WITHOUT ROWID;
