-- The log of one job: (job, first) of the event rows up to number "through". A commit has a row for each of its jobs,
-- and an index would be searched for each; so it is filled for many commits at once, sorted, and the tail of "event"
-- behind it is read as it is.
DROP INDEX event_job;
CREATE TABLE event_job (
    job   uuid NOT NULL,
    first bigint NOT NULL,
    PRIMARY KEY (job, first)
);
INSERT INTO event_job SELECT job, first FROM event ORDER BY job, first;
CREATE TABLE event_job_through (
    one     boolean PRIMARY KEY CHECK (one),
    through bigint NOT NULL
) WITH (fillfactor = 20);
INSERT INTO event_job_through SELECT true, coalesce(max(first), 0) FROM event;
