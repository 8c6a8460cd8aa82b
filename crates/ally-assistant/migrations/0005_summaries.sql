-- What stands for the beginning of a chat that grew too long for a model. `messages` are the ids of all messages that it
-- stands for, separated by spaces.
CREATE TABLE summaries (
  id TEXT PRIMARY KEY,
  chat TEXT NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
  run TEXT NOT NULL,
  last TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  messages TEXT NOT NULL,
  text TEXT NOT NULL,
  created INTEGER NOT NULL,
  integrity TEXT NOT NULL,
  confidentiality TEXT NOT NULL
) STRICT;
CREATE INDEX summaries_of ON summaries (chat);
CREATE INDEX summaries_behind ON summaries (last);
