-- How a person wants to be answered: in all chats, or with a folder in those of the folder. Each row is a version, and
-- the newest one counts.

CREATE TABLE instructions (
  number INTEGER PRIMARY KEY,
  folder TEXT REFERENCES folders (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  tone TEXT NOT NULL,
  rules TEXT NOT NULL,
  account TEXT NOT NULL,
  at INTEGER NOT NULL,
  integrity TEXT NOT NULL,
  confidentiality TEXT NOT NULL
) STRICT;
CREATE INDEX instructions_of ON instructions (folder, number);
