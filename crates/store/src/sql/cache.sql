-- Tables of cache.db; docs/formats.md says what they hold.
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE chunk (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, body BLOB NOT NULL);

CREATE TABLE path_set (id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE);

CREATE TABLE path_set_chunk (
    set_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    chunk_id INTEGER NOT NULL,
    PRIMARY KEY (set_id, position)
) WITHOUT ROWID;
CREATE INDEX path_set_chunk_by_chunk ON path_set_chunk (chunk_id);

CREATE TABLE entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    strong BLOB NOT NULL UNIQUE,
    weak BLOB NOT NULL,
    set_id INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    from_nothing INTEGER NOT NULL,
    created_ns INTEGER NOT NULL,
    used_ns INTEGER NOT NULL,
    manifest BLOB NOT NULL,
    input_values BLOB NOT NULL
);
CREATE INDEX entry_by_weak ON entry (weak, used_ns, set_id);
CREATE INDEX entry_by_set ON entry (set_id);
CREATE INDEX entry_by_use ON entry (used_ns);

CREATE TABLE blob (
    id INTEGER PRIMARY KEY,
    kind INTEGER NOT NULL,
    digest BLOB NOT NULL,
    size INTEGER NOT NULL,
    UNIQUE (kind, digest)
);

CREATE TABLE entry_blob (
    entry_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    blob_id INTEGER NOT NULL,
    PRIMARY KEY (entry_id, position)
) WITHOUT ROWID;
CREATE INDEX entry_blob_by_blob ON entry_blob (blob_id);
