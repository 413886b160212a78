-- The log of one job: (job, first) of the event rows up to number "through". A commit has a row for each of its jobs,
-- and an index would touch a page for each; so it is filled some thousand events at once, sorted, and the tail of
-- "event" behind it is read as it is.
DROP INDEX event_job;
CREATE TABLE event_job (
    job   BLOB NOT NULL,
    first INTEGER NOT NULL,
    PRIMARY KEY (job, first)
) STRICT, WITHOUT ROWID;
INSERT INTO event_job SELECT job, first FROM event ORDER BY job, first;
CREATE TABLE event_job_through (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    through INTEGER NOT NULL
) STRICT;
INSERT INTO event_job_through SELECT 1, coalesce(max(first), 0) FROM event;
