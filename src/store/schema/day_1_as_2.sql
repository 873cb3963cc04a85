-- A day of version 1 that nobody opens for writing any more, in the eyes of one connection.

CREATE TEMP VIEW parts AS SELECT *, 0 AS change FROM main.parts;
CREATE TEMP VIEW runs AS SELECT *, 0 AS change, 0 AS last_at FROM main.runs;
CREATE TEMP VIEW tallies AS
SELECT *, duration_us AS duration_max_us, 1 << 62 AS bytes_max FROM main.tallies;
CREATE TEMP TABLE part_actors (actor INTEGER, part INTEGER, PRIMARY KEY (actor, part))
    WITHOUT ROWID;
INSERT INTO temp.part_actors SELECT DISTINCT actor, part FROM main.tallies;
CREATE TEMP TABLE blocks (
    block INTEGER PRIMARY KEY, first_at INTEGER, last_at INTEGER, requests BLOB
);
INSERT INTO temp.blocks
SELECT call / 1024, min(at), max(at), NULL FROM main.call_rows GROUP BY 1;
CREATE TEMP TABLE loads AS
SELECT p.server, t.kind, iif(p.id_source = 'none', -2, -1) AS bucket,
       sum(t.calls) AS calls
  FROM main.tallies t JOIN main.parts p ON p.part = t.part GROUP BY 1, 2, 3;
CREATE TEMP TABLE minutes AS
SELECT c.at / 60000000 AS minute, p.server, count(*) AS calls,
       sum(k.outcome IN ('tool_error', 'rpc_error', 'http_error', 'aborted')
           AND p.id_source <> 'none') AS errors
  FROM main.call_rows c JOIN main.parts p ON p.part = c.part
  JOIN main.kinds k ON k.kind = c.kind GROUP BY 1, 2;
