-- Jobs that follow links.

-- Links away from a start page of its crawl.
ALTER TABLE task ADD COLUMN depth integer NOT NULL DEFAULT 0;

-- What a crawl follows and how far it is, as JSON; null for other jobs.
ALTER TABLE job ADD COLUMN crawl text;

-- The links of completed pages that have not become tasks yet, with what those tasks will have. "links" is a JSON
-- array of "count" addresses. A row lives for a step or two, longer only while its job is paused.
CREATE TABLE expansion (
    job          uuid NOT NULL,
    task         uuid NOT NULL,
    depth        integer NOT NULL,
    priority     smallint NOT NULL,
    max_attempts smallint NOT NULL,
    timeout_ms   bigint,
    count        bigint NOT NULL,
    options      text,
    links        text NOT NULL,
    PRIMARY KEY (job, task)
);
ALTER TABLE expansion SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_cost_delay = 0, vacuum_truncate = false);

-- The pages that each crawl has: half a SHA-256 of the address, as two addresses of the same page have in common.
CREATE TABLE job_url (
    job  uuid NOT NULL,
    hash uuid NOT NULL,
    PRIMARY KEY (job, hash)
);
