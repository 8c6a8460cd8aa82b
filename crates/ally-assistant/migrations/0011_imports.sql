-- Exports of other assistants that a person brings along. Its file lies beside the database until all of it is taken
-- over; a chat that came from it keeps the name that the conversation had there, so that none comes twice.

CREATE TABLE imports (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL CHECK (state IN ('receiving', 'checking', 'ready', 'running', 'done', 'failed', 'removing')),
  size INTEGER NOT NULL,
  received INTEGER NOT NULL,
  service TEXT,
  problem TEXT,
  chats INTEGER NOT NULL DEFAULT 0,
  messages INTEGER NOT NULL DEFAULT 0,
  known INTEGER NOT NULL DEFAULT 0,
  empty INTEGER NOT NULL DEFAULT 0,
  unreadable INTEGER NOT NULL DEFAULT 0,
  files INTEGER NOT NULL DEFAULT 0,
  voice INTEGER NOT NULL DEFAULT 0,
  steps INTEGER NOT NULL DEFAULT 0,
  oldest INTEGER,
  newest INTEGER,
  wanted INTEGER NOT NULL DEFAULT 0,
  taken INTEGER NOT NULL DEFAULT 0,
  run TEXT,
  created INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  account TEXT NOT NULL
) STRICT;

-- What is in a file and has not become a chat yet. A row goes in the transaction that makes its chat.
CREATE TABLE import_chats (
  import TEXT NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
  number INTEGER NOT NULL,
  source TEXT NOT NULL,
  title TEXT NOT NULL,
  messages INTEGER NOT NULL,
  is_known INTEGER NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  integrity TEXT NOT NULL,
  confidentiality TEXT NOT NULL,
  PRIMARY KEY (import, number),
  UNIQUE (import, source)
) STRICT;

ALTER TABLE chats ADD COLUMN import TEXT;
ALTER TABLE chats ADD COLUMN service TEXT;
ALTER TABLE chats ADD COLUMN source TEXT;
CREATE INDEX chats_of_import ON chats (import) WHERE import IS NOT NULL;
CREATE INDEX chats_of_source ON chats (service, source) WHERE source IS NOT NULL;
