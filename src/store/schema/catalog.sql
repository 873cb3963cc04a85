-- What outlives a day.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB
) WITHOUT ROWID;

CREATE TABLE servers (
    server        INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    first_seen_at INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL
);
