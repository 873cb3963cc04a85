-- One UTC day. docs/schema.md explains every table; a test holds the two against each other.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value BLOB
) WITHOUT ROWID;

CREATE TABLE servers (
    server INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE
);

CREATE TABLE actors (
    actor          INTEGER PRIMARY KEY,
    hash           INTEGER NOT NULL,
    user           TEXT NOT NULL,
    roles          TEXT NOT NULL,
    verified       TEXT NOT NULL,
    credential     INTEGER NOT NULL,
    client         TEXT NOT NULL,
    client_version TEXT NOT NULL,
    address        TEXT NOT NULL,
    user_agent     TEXT NOT NULL,
    params         TEXT NOT NULL,
    carried        INTEGER NOT NULL
);
CREATE INDEX actors_hash ON actors (hash);

CREATE TABLE kinds (
    kind              INTEGER PRIMARY KEY,
    hash              INTEGER NOT NULL,
    direction         TEXT NOT NULL,
    http_method       TEXT NOT NULL,
    status            INTEGER NOT NULL,
    method            TEXT NOT NULL,
    primitive_kind    TEXT,
    primitive         TEXT,
    outcome           TEXT NOT NULL,
    error_code        INTEGER,
    coverage_request  TEXT NOT NULL,
    coverage_response TEXT NOT NULL,
    protocol_version  TEXT NOT NULL
);
CREATE INDEX kinds_hash ON kinds (hash);

CREATE TABLE parts (
    part             INTEGER PRIMARY KEY,
    server           INTEGER NOT NULL,
    session_id       TEXT NOT NULL,
    id_source        TEXT NOT NULL,
    session_group    INTEGER NOT NULL,
    idle_us          INTEGER NOT NULL,
    continues_day    INTEGER,
    started_at       INTEGER NOT NULL,
    last_at          INTEGER NOT NULL,
    ended_at         INTEGER,
    ended_by         TEXT,
    actor            INTEGER NOT NULL,
    protocol_version TEXT NOT NULL,
    server_info      TEXT NOT NULL,
    server_version   TEXT NOT NULL,
    calls            INTEGER NOT NULL,
    errors           INTEGER NOT NULL,
    attacks          INTEGER NOT NULL,
    blocked          INTEGER NOT NULL,
    notifications    INTEGER NOT NULL,
    bytes_in         INTEGER NOT NULL,
    bytes_out        INTEGER NOT NULL
);
CREATE UNIQUE INDEX parts_session ON parts (session_id, server);
CREATE INDEX parts_group ON parts (session_group) WHERE session_group <> 0;

CREATE TABLE call_rows (
    call           INTEGER PRIMARY KEY,
    part           INTEGER NOT NULL,
    actor          INTEGER NOT NULL,
    kind           INTEGER NOT NULL,
    step           INTEGER NOT NULL,
    at             INTEGER NOT NULL,
    duration_us    INTEGER,
    first_event_us INTEGER,
    notifications  INTEGER NOT NULL,
    bytes_in       INTEGER NOT NULL,
    bytes_out      INTEGER NOT NULL,
    flags          INTEGER NOT NULL,
    rpc_id         BLOB,
    request_id     BLOB,
    continues      BLOB,
    arguments      TEXT,
    result         TEXT,
    error_message  TEXT,
    extra          TEXT
);

CREATE TABLE runs (
    part       INTEGER NOT NULL,
    first_call INTEGER NOT NULL,
    last_call  INTEGER NOT NULL,
    PRIMARY KEY (part, first_call)
) WITHOUT ROWID;

CREATE TABLE tallies (
    part        INTEGER NOT NULL,
    hour        INTEGER NOT NULL,
    actor       INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    calls       INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    PRIMARY KEY (part, hour, actor, kind)
) WITHOUT ROWID;

CREATE TABLE events (
    event      INTEGER PRIMARY KEY,
    part       INTEGER NOT NULL,
    actor      INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    kind       TEXT NOT NULL,
    count      INTEGER NOT NULL,
    status     INTEGER NOT NULL,
    request_id BLOB
);
CREATE INDEX events_part ON events (part);

CREATE TABLE pending (
    part      INTEGER NOT NULL,
    direction TEXT NOT NULL,
    rpc_id    BLOB NOT NULL,
    call      INTEGER NOT NULL,
    PRIMARY KEY (part, direction, rpc_id, call)
) WITHOUT ROWID;

CREATE TABLE answers (
    part           INTEGER NOT NULL,
    direction      TEXT NOT NULL,
    rpc_id         BLOB NOT NULL,
    at             INTEGER NOT NULL,
    outcome        TEXT NOT NULL,
    result         TEXT,
    truncated      INTEGER NOT NULL,
    error_code     INTEGER,
    error_message  TEXT,
    first_event_us INTEGER,
    notifications  INTEGER NOT NULL,
    bytes_out      INTEGER NOT NULL,
    coverage       TEXT NOT NULL,
    continued_as   INTEGER,
    PRIMARY KEY (part, direction, rpc_id)
) WITHOUT ROWID;

CREATE TABLE rounds (
    fingerprint INTEGER PRIMARY KEY,
    call        INTEGER NOT NULL
);

CREATE TABLE attack_rows (
    attack  INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    call    INTEGER,
    part    INTEGER NOT NULL,
    type    TEXT NOT NULL,
    control TEXT,
    place   TEXT,
    verdict TEXT NOT NULL,
    action  TEXT NOT NULL,
    detail  TEXT,
    point   TEXT
);

CREATE TABLE writers (
    writer     TEXT PRIMARY KEY,
    exchanges  INTEGER NOT NULL,
    calls      INTEGER NOT NULL,
    written_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE VIEW sessions AS
SELECT p.part,
       (SELECT value FROM meta WHERE key = 'day') AS day,
       s.name AS server,
       p.session_id,
       p.id_source,
       nullif(a.user, '') AS user,
       ifnull(nullif(a.roles, ''), '[]') AS roles,
       nullif(a.verified, '') AS verified,
       nullif(a.client, '') AS client,
       nullif(a.client_version, '') AS client_version,
       nullif(p.protocol_version, '') AS protocol_version,
       nullif(a.address, '') AS address,
       strftime('%Y-%m-%dT%H:%M:%S', p.started_at / 1000000, 'unixepoch')
           || printf('.%03dZ', p.started_at / 1000 % 1000) AS started_at,
       strftime('%Y-%m-%dT%H:%M:%S', p.last_at / 1000000, 'unixepoch')
           || printf('.%03dZ', p.last_at / 1000 % 1000) AS last_at,
       strftime('%Y-%m-%dT%H:%M:%S', p.ended_at / 1000000, 'unixepoch')
           || printf('.%03dZ', p.ended_at / 1000 % 1000) AS ended,
       p.calls,
       p.errors,
       p.attacks,
       p.blocked,
       p.bytes_in,
       p.bytes_out
  FROM parts p
  JOIN servers s ON s.server = p.server
  JOIN actors a ON a.actor = p.actor;


-- Through runs, so that the calls of one part are found without an index over all calls.
CREATE VIEW calls AS
SELECT c.call,
       c.part,
       strftime('%Y-%m-%dT%H:%M:%S', c.at / 1000000, 'unixepoch')
           || printf('.%03dZ', c.at / 1000 % 1000) AS at,
       s.name AS server,
       p.session_id,
       k.direction,
       k.http_method,
       nullif(k.status, 0) AS status,
       CASE typeof(c.rpc_id) WHEN 'blob' THEN CAST(c.rpc_id AS TEXT) ELSE c.rpc_id END AS rpc_id,
       coalesce(json_extract(c.extra, '$.method'), nullif(k.method, '')) AS method,
       k.primitive_kind,
       coalesce(json_extract(c.extra, '$.primitive'), k.primitive) AS primitive,
       c.arguments,
       c.result,
       k.outcome,
       coalesce(json_extract(c.extra, '$.error_code'), k.error_code) AS error_code,
       c.error_message,
       c.duration_us / 1000.0 AS duration_ms,
       c.first_event_us / 1000.0 AS first_event_ms,
       c.notifications,
       c.bytes_in,
       c.bytes_out,
       k.coverage_request,
       k.coverage_response,
       coalesce(json_extract(c.extra, '$.protocol_version'), nullif(k.protocol_version, '')) AS protocol_version,
       coalesce(json_extract(c.extra, '$.user'), nullif(a.user, '')) AS user,
       coalesce(json_extract(c.extra, '$.roles'), nullif(a.roles, ''), '[]') AS roles,
       CASE typeof(c.request_id) WHEN 'blob' THEN lower(hex(c.request_id)) ELSE c.request_id END
           AS request_id
  FROM call_rows c
  JOIN runs r ON r.part = c.part AND r.first_call = c.call - c.step
             AND c.call BETWEEN r.first_call AND r.last_call
  JOIN kinds k ON k.kind = c.kind
  JOIN actors a ON a.actor = c.actor
  JOIN parts p ON p.part = c.part
  JOIN servers s ON s.server = p.server;

CREATE VIEW attacks AS
SELECT strftime('%Y-%m-%dT%H:%M:%S', at / 1000000, 'unixepoch')
           || printf('.%03dZ', at / 1000 % 1000) AS at,
       call,
       part,
       type,
       control,
       place,
       verdict,
       action,
       detail,
       point
  FROM attack_rows;
