-- A day of an older version that nobody opens for writing any more, in the eyes of one connection:
-- there were no attacks.

CREATE TEMP VIEW kinds AS SELECT *, '' AS attacks FROM main.kinds;
CREATE TEMP TABLE controls (
    control INTEGER PRIMARY KEY,
    hash    INTEGER NOT NULL,
    type    TEXT NOT NULL,
    title   TEXT NOT NULL,
    place   TEXT NOT NULL,
    mode    TEXT NOT NULL,
    text    INTEGER NOT NULL
);
CREATE TEMP TABLE control_texts (
    text  INTEGER PRIMARY KEY,
    hash  INTEGER NOT NULL,
    lines TEXT NOT NULL
);
CREATE TEMP TABLE control_tallies (
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
CREATE TEMP TABLE attack_rows (
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
CREATE TEMP TABLE attack_calls (
    call   INTEGER NOT NULL,
    attack INTEGER NOT NULL,
    PRIMARY KEY (call, attack)
) WITHOUT ROWID;
CREATE TEMP TABLE attack_minutes (
    minute  INTEGER NOT NULL,
    server  INTEGER NOT NULL,
    attacks INTEGER NOT NULL,
    PRIMARY KEY (minute, server)
) WITHOUT ROWID;
CREATE TEMP TABLE evidence (
    evidence  INTEGER PRIMARY KEY,
    line      TEXT NOT NULL,
    headers   TEXT NOT NULL,
    body      TEXT NOT NULL,
    truncated INTEGER NOT NULL
);
