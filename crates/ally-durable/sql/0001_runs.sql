-- Runs, their journal and their waits. Journal rows are only ever added.
CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    parent TEXT,
    idempotency_key TEXT,
    state TEXT NOT NULL
        CHECK (state IN ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled', 'needs_attention')),
    reason TEXT,
    state_at INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    cancel_requested INTEGER,
    input TEXT NOT NULL,
    integrity TEXT NOT NULL,
    confidentiality TEXT NOT NULL,
    created INTEGER NOT NULL,
    started INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX runs_unfinished ON runs (created) WHERE state IN ('queued', 'running');
CREATE INDEX runs_of_subject ON runs (subject, created);
CREATE UNIQUE INDEX runs_by_key ON runs (idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE journal (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    format INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    step TEXT,
    effect TEXT,
    attempt INTEGER NOT NULL,
    body TEXT,
    integrity TEXT NOT NULL,
    confidentiality TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE waits (
    id TEXT PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    step TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('approval', 'timer', 'question', 'event', 'sub_run', 'unknown')),
    opened INTEGER NOT NULL,
    due INTEGER,
    on_expiry TEXT,
    body TEXT NOT NULL,
    integrity TEXT NOT NULL,
    confidentiality TEXT NOT NULL,
    resolved INTEGER,
    resolved_by TEXT,
    resolution TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX waits_due ON waits (due) WHERE resolved IS NULL AND due IS NOT NULL;
CREATE INDEX waits_of_run ON waits (run);
