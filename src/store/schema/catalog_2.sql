-- What MCP servers offer: see docs/schema.md, "The catalogue".

ALTER TABLE servers ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE servers ADD COLUMN lists_differ_at INTEGER;

CREATE TABLE primitives (
    primitive     INTEGER PRIMARY KEY,
    server        INTEGER NOT NULL,
    kind          TEXT NOT NULL,
    is_template   INTEGER NOT NULL,
    name          TEXT NOT NULL,
    version       INTEGER NOT NULL,
    first_seen_at INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL,
    called_at     INTEGER,
    changed_at    INTEGER,
    hour          INTEGER NOT NULL,
    changes       INTEGER NOT NULL
);
CREATE UNIQUE INDEX primitives_name ON primitives (server, kind, is_template, name);

CREATE TABLE versions (
    version       INTEGER PRIMARY KEY,
    primitive     INTEGER NOT NULL,
    hash          INTEGER NOT NULL,
    seen_at       INTEGER NOT NULL,
    last_seen_at  INTEGER NOT NULL,
    replaced_at   INTEGER,
    listed_for    INTEGER NOT NULL,
    title         TEXT NOT NULL,
    description   TEXT NOT NULL,
    input_schema  TEXT NOT NULL,
    output_schema TEXT NOT NULL,
    annotations   TEXT NOT NULL,
    mime_type     TEXT NOT NULL,
    is_cut        INTEGER NOT NULL,
    bytes         INTEGER NOT NULL
);
CREATE INDEX versions_primitive ON versions (primitive);

CREATE TABLE lists (
    server      INTEGER NOT NULL,
    kind        TEXT NOT NULL,
    is_template INTEGER NOT NULL,
    page        INTEGER NOT NULL,
    listed_for  INTEGER NOT NULL,
    fingerprint INTEGER NOT NULL,
    since       INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,
    PRIMARY KEY (server, kind, is_template, page, listed_for)
) WITHOUT ROWID;

CREATE TABLE left_out (
    reason TEXT PRIMARY KEY,
    count  INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO meta (key, value) VALUES ('generation', 0);
