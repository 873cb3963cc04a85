-- What the console's queries need besides: see docs/schema.md, "Tables".

ALTER TABLE parts ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN change INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN last_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tallies ADD COLUMN duration_max_us INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tallies ADD COLUMN bytes_max INTEGER NOT NULL DEFAULT 0;
CREATE INDEX tallies_kind ON tallies (kind);
CREATE INDEX attack_rows_call ON attack_rows (call);
CREATE INDEX attack_rows_part ON attack_rows (part);

CREATE TABLE part_actors (
    actor INTEGER NOT NULL,
    part  INTEGER NOT NULL,
    PRIMARY KEY (actor, part)
) WITHOUT ROWID;

CREATE TABLE blocks (
    block    INTEGER PRIMARY KEY,
    first_at INTEGER NOT NULL,
    last_at  INTEGER NOT NULL,
    requests BLOB
);

CREATE TABLE loads (
    server INTEGER NOT NULL,
    kind   INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    calls  INTEGER NOT NULL,
    PRIMARY KEY (server, kind, bucket)
) WITHOUT ROWID;

CREATE TABLE minutes (
    minute INTEGER NOT NULL,
    server INTEGER NOT NULL,
    calls  INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    PRIMARY KEY (minute, server)
) WITHOUT ROWID;

-- Of a file that has rows already. What version 1 did not keep is put in as a bound.
UPDATE runs SET last_at = (SELECT p.last_at FROM parts p WHERE p.part = runs.part);
UPDATE tallies SET duration_max_us = duration_us, bytes_max = 1 << 62;
INSERT INTO part_actors SELECT DISTINCT actor, part FROM tallies;
INSERT INTO blocks
SELECT call / 1024, min(at), max(at), NULL FROM call_rows GROUP BY 1;
INSERT INTO loads
SELECT p.server, t.kind, iif(p.id_source = 'none', -2, -1), sum(t.calls)
  FROM tallies t JOIN parts p ON p.part = t.part GROUP BY 1, 2, 3;
INSERT INTO minutes
SELECT c.at / 60000000, p.server, count(*),
       sum(k.outcome IN ('tool_error', 'rpc_error', 'http_error', 'aborted')
           AND p.id_source <> 'none')
  FROM call_rows c JOIN parts p ON p.part = c.part JOIN kinds k ON k.kind = c.kind GROUP BY 1, 2;
