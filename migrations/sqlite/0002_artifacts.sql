-- Files that workers brought: what is known of each. The bytes lie in the artifact store under their hash; a row
-- goes with its task.
CREATE TABLE artifact (
    id           BLOB PRIMARY KEY,
    task         BLOB NOT NULL,
    run          INTEGER NOT NULL,
    worker       BLOB NOT NULL,
    kind         TEXT NOT NULL,
    name         TEXT NOT NULL,
    content_type TEXT NOT NULL,
    size         INTEGER NOT NULL,
    sha256       TEXT NOT NULL,
    width        INTEGER,
    height       INTEGER,
    thumbnail    TEXT,
    created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- The files of a task, in the order of their arrival.
CREATE INDEX artifact_task ON artifact (task, created_at, id);
-- What is old enough to forget.
CREATE INDEX artifact_at ON artifact (created_at);
-- Whether a stored file is still named by a row.
CREATE INDEX artifact_sha256 ON artifact (sha256);
CREATE INDEX artifact_thumbnail ON artifact (thumbnail) WHERE thumbnail IS NOT NULL;
