-- Which keys for a provider people connected in the browser: a keyed hash of each, never the key.
CREATE TABLE own_keys (
    server TEXT NOT NULL,
    mark BLOB NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (server, mark)
) STRICT, WITHOUT ROWID;
