-- Attacks and the controls that found them: see docs/schema.md, "Tables".

-- Version 2 had a table of attacks that nothing was ever written into.
DROP VIEW attacks;
DROP TABLE attack_rows;

-- What objected to a call is a property of its kind: filters, facets and sums need no table more.
ALTER TABLE kinds ADD COLUMN attacks TEXT NOT NULL DEFAULT '';

CREATE TABLE controls (
    control INTEGER PRIMARY KEY,
    hash    INTEGER NOT NULL,
    type    TEXT NOT NULL,
    title   TEXT NOT NULL,
    place   TEXT NOT NULL,
    mode    TEXT NOT NULL,
    text    INTEGER NOT NULL
);
CREATE INDEX controls_hash ON controls (hash);

CREATE TABLE control_texts (
    text  INTEGER PRIMARY KEY,
    hash  INTEGER NOT NULL,
    lines TEXT NOT NULL
);
CREATE INDEX control_texts_hash ON control_texts (hash);

CREATE TABLE control_tallies (
    control          INTEGER NOT NULL,
    server           INTEGER NOT NULL,
    allowed          INTEGER NOT NULL,
    denied           INTEGER NOT NULL,
    blocked          INTEGER NOT NULL,
    unjudged         INTEGER NOT NULL,
    unjudged_blocked INTEGER NOT NULL,
    last_attack_at   INTEGER,
    PRIMARY KEY (control, server)
) WITHOUT ROWID;

CREATE TABLE attack_rows (
    attack   INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    count    INTEGER NOT NULL,
    call     INTEGER NOT NULL,
    part     INTEGER NOT NULL,
    server   INTEGER NOT NULL,
    actor    INTEGER NOT NULL,
    kind     INTEGER NOT NULL,
    control  INTEGER NOT NULL,
    hash     INTEGER NOT NULL,
    action   TEXT NOT NULL,
    detail   TEXT,
    point    TEXT,
    expected TEXT,
    found    TEXT,
    evidence INTEGER
);
-- Everything a list is filtered by, so that it reads rows for its page only.
CREATE INDEX attack_rows_at ON attack_rows (at, attack, server, part, actor, kind, control);
CREATE INDEX attack_rows_same ON attack_rows (part, control, hash, at);

CREATE TABLE attack_calls (
    call   INTEGER NOT NULL,
    attack INTEGER NOT NULL,
    PRIMARY KEY (call, attack)
) WITHOUT ROWID;

CREATE TABLE attack_minutes (
    minute  INTEGER NOT NULL,
    server  INTEGER NOT NULL,
    attacks INTEGER NOT NULL,
    PRIMARY KEY (minute, server)
) WITHOUT ROWID;

CREATE TABLE evidence (
    evidence  INTEGER PRIMARY KEY,
    line      TEXT NOT NULL,
    headers   TEXT NOT NULL,
    body      TEXT NOT NULL,
    truncated INTEGER NOT NULL
);

CREATE VIEW attacks AS
SELECT strftime('%Y-%m-%dT%H:%M:%S', a.at / 1000000, 'unixepoch')
           || printf('.%03dZ', a.at / 1000 % 1000) AS at,
       a.call,
       a.part,
       c.type,
       nullif(c.title, '') AS control,
       nullif(c.place, '') AS place,
       'deny' AS verdict,
       a.action,
       a.detail,
       a.point,
       a.expected,
       a.found,
       a.count,
       strftime('%Y-%m-%dT%H:%M:%S', a.last_at / 1000000, 'unixepoch')
           || printf('.%03dZ', a.last_at / 1000 % 1000) AS last_at,
       c.mode,
       s.name AS server,
       p.session_id,
       nullif(w.user, '') AS user,
       nullif(k.method, '') AS method,
       k.primitive,
       t.lines AS control_text,
       e.line AS evidence_line,
       e.headers AS evidence_headers,
       e.body AS evidence_body
  FROM attack_rows a
  JOIN controls c ON c.control = a.control
  JOIN control_texts t ON t.text = c.text
  JOIN parts p ON p.part = a.part
  JOIN servers s ON s.server = a.server
  JOIN actors w ON w.actor = a.actor
  JOIN kinds k ON k.kind = a.kind
  LEFT JOIN evidence e ON e.evidence = a.evidence;
