-- Folders for chats, and what a person does to find a chat again: pin it, put it away. A deleted folder stays for ten
-- minutes, as a deleted chat does; its chats are kept.

CREATE TABLE folders (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  position INTEGER NOT NULL,
  created INTEGER NOT NULL,
  deleted INTEGER,
  account TEXT NOT NULL,
  integrity TEXT NOT NULL,
  confidentiality TEXT NOT NULL
) STRICT;

ALTER TABLE chats ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chats ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chats ADD COLUMN folder TEXT REFERENCES folders (id) ON DELETE SET NULL;

DROP INDEX chats_newest;
CREATE INDEX chats_listed ON chats (archived, pinned DESC, updated DESC, id DESC) WHERE deleted IS NULL;
CREATE INDEX chats_in_folder ON chats (folder) WHERE folder IS NOT NULL;
