-- Tables of state.db; docs/formats.md says what they hold.
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE stat (
    dev INTEGER NOT NULL,
    block INTEGER NOT NULL,
    used_day INTEGER NOT NULL,
    files BLOB NOT NULL,
    PRIMARY KEY (dev, block)
) WITHOUT ROWID;

CREATE TABLE step (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    fingerprint BLOB NOT NULL,
    label TEXT NOT NULL,
    description BLOB NOT NULL,
    reads BLOB NOT NULL,
    result INTEGER NOT NULL,
    at_ns INTEGER NOT NULL,
    standing_weak BLOB,
    standing_entry BLOB,
    standing_whole INTEGER
);

CREATE TABLE recorded (
    step_id INTEGER NOT NULL,
    path BLOB NOT NULL,
    kind INTEGER NOT NULL,
    digest BLOB NOT NULL,
    mode INTEGER NOT NULL,
    result INTEGER NOT NULL,
    standing INTEGER NOT NULL,
    PRIMARY KEY (step_id, path, kind, digest, mode)
) WITHOUT ROWID;
