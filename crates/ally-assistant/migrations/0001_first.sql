-- Everything a person's server keeps. Times are milliseconds since 1970. Rows that hold content carry a label;
-- rows of a person's act carry the acting account.

CREATE TABLE chats (
  id TEXT PRIMARY KEY,
  title TEXT NOT NULL,
  is_named INTEGER NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  deleted INTEGER,
  account TEXT NOT NULL,
  integrity TEXT NOT NULL,
  confidentiality TEXT NOT NULL
) STRICT;
CREATE INDEX chats_newest ON chats (updated DESC, id DESC) WHERE deleted IS NULL;
CREATE INDEX chats_to_purge ON chats (deleted) WHERE deleted IS NOT NULL;

-- A question holds its text here. An answer holds its whole steps in `blocks`, and here only what the step in
-- progress has said so far.
CREATE TABLE messages (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  chat TEXT NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  role TEXT NOT NULL,
  status TEXT NOT NULL,
  text TEXT NOT NULL,
  author TEXT NOT NULL,
  needs_model INTEGER NOT NULL,
  problem TEXT,
  run TEXT,
  question TEXT,
  timezone TEXT,
  account TEXT,
  created INTEGER NOT NULL,
  integrity TEXT NOT NULL,
  confidentiality TEXT NOT NULL,
  UNIQUE (chat, position)
) STRICT;
CREATE INDEX messages_of_run ON messages (run) WHERE run IS NOT NULL;
CREATE INDEX answers_in_progress ON messages (chat, position) WHERE role = 'assistant' AND status IN ('queued', 'streaming');
CREATE INDEX answers_to ON messages (question) WHERE question IS NOT NULL;

CREATE TABLE blocks (
  message TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  step INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('text', 'thinking', 'tool_call', 'opaque')),
  text TEXT NOT NULL,
  call TEXT,
  tool TEXT,
  provider TEXT,
  integrity TEXT NOT NULL,
  confidentiality TEXT NOT NULL,
  PRIMARY KEY (message, position),
  UNIQUE (message, call)
) STRICT;

-- The key makes a second result for one call impossible, the reference makes one without a call impossible.
CREATE TABLE tool_results (
  message TEXT NOT NULL,
  call TEXT NOT NULL,
  ok INTEGER NOT NULL,
  text TEXT NOT NULL,
  summary TEXT NOT NULL,
  path TEXT,
  version TEXT,
  rule TEXT NOT NULL,
  at INTEGER NOT NULL,
  integrity TEXT NOT NULL,
  confidentiality TEXT NOT NULL,
  PRIMARY KEY (message, call),
  FOREIGN KEY (message, call) REFERENCES blocks (message, call) ON DELETE CASCADE
) STRICT;

CREATE TABLE model_calls (
  number INTEGER PRIMARY KEY,
  run TEXT NOT NULL,
  chat TEXT,
  message TEXT,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  input INTEGER NOT NULL,
  output INTEGER NOT NULL,
  cache_read INTEGER NOT NULL,
  cache_write INTEGER NOT NULL,
  at INTEGER NOT NULL
) STRICT;
CREATE INDEX model_calls_at ON model_calls (at);
CREATE INDEX model_calls_chat ON model_calls (chat) WHERE chat IS NOT NULL;
CREATE INDEX model_calls_message ON model_calls (message) WHERE message IS NOT NULL;

CREATE TABLE memory_files (
  path TEXT PRIMARY KEY,
  version TEXT NOT NULL,
  size INTEGER NOT NULL,
  modified INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  integrity TEXT NOT NULL,
  confidentiality TEXT NOT NULL
) STRICT;

-- `text` is NULL where the version is "the file does not exist". `applied` is 0 until the file on disk says the same,
-- 1 after that, 2 where an outside change came first and this version was put aside.
CREATE TABLE memory_versions (
  id TEXT PRIMARY KEY,
  number INTEGER NOT NULL UNIQUE,
  path TEXT NOT NULL,
  text TEXT,
  author TEXT NOT NULL,
  reason TEXT NOT NULL,
  run TEXT,
  account TEXT,
  at INTEGER NOT NULL,
  applied INTEGER NOT NULL,
  integrity TEXT NOT NULL,
  confidentiality TEXT NOT NULL
) STRICT;
CREATE INDEX memory_versions_of ON memory_versions (path, number);
CREATE INDEX memory_versions_unapplied ON memory_versions (number) WHERE applied = 0;

-- Derived from the files, can be rebuilt: one row for each line that says something.
CREATE TABLE memory_items (
  number INTEGER PRIMARY KEY,
  path TEXT NOT NULL,
  line INTEGER NOT NULL,
  text TEXT NOT NULL,
  integrity TEXT NOT NULL,
  confidentiality TEXT NOT NULL
) STRICT;
CREATE INDEX memory_items_of ON memory_items (path);

-- `terms` is the text as it is searched, after our own normalisation; the row number is that of the item or message,
-- which carries the label.
CREATE VIRTUAL TABLE memory_index USING fts5 (terms, tokenize = 'porter unicode61 remove_diacritics 2');
INSERT INTO memory_index (memory_index, rank) VALUES ('secure-delete', 1);
CREATE VIRTUAL TABLE message_index USING fts5 (terms, tokenize = 'porter unicode61 remove_diacritics 2');
INSERT INTO message_index (message_index, rank) VALUES ('secure-delete', 1);

CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  sealed BLOB NOT NULL,
  account TEXT NOT NULL,
  changed INTEGER NOT NULL
) STRICT;

CREATE TABLE idempotency_keys (
  account TEXT NOT NULL,
  door TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  made TEXT NOT NULL,
  created INTEGER NOT NULL,
  PRIMARY KEY (account, door, key)
) STRICT;
CREATE INDEX idempotency_keys_age ON idempotency_keys (created);
