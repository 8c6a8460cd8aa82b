-- Files that a person attached. The bytes lie beside the database, in attachments/{id}. A file that was not sent, or whose
-- chat is gone, has a moment from which on it is taken away, bytes first; `is_whole` is 0 until the bytes are there.

CREATE TABLE attachments (
  id TEXT PRIMARY KEY,
  chat TEXT REFERENCES chats (id),
  name TEXT NOT NULL,
  media_type TEXT NOT NULL,
  size INTEGER NOT NULL,
  width INTEGER,
  height INTEGER,
  pages INTEGER,
  is_whole INTEGER NOT NULL,
  expires INTEGER,
  account TEXT NOT NULL,
  created INTEGER NOT NULL,
  integrity TEXT NOT NULL,
  confidentiality TEXT NOT NULL
) STRICT;
CREATE INDEX attachments_of_chat ON attachments (chat) WHERE chat IS NOT NULL;
CREATE INDEX attachments_expiring ON attachments (expires) WHERE expires IS NOT NULL;

-- Versions of a message may share a file.
CREATE TABLE message_attachments (
  message TEXT NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  attachment TEXT NOT NULL REFERENCES attachments (id) ON DELETE CASCADE,
  PRIMARY KEY (message, position)
) STRICT;
CREATE INDEX messages_with_attachment ON message_attachments (attachment);
