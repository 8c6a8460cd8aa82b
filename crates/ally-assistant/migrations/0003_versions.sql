-- Messages are a tree: each stands behind its parent, and those that share a parent are versions of each other, of which
-- one is chosen. What is shown is the way along the chosen ones; it is kept beside them so that a page is one look-up.
ALTER TABLE messages ADD COLUMN parent TEXT;
ALTER TABLE messages ADD COLUMN is_chosen INTEGER NOT NULL DEFAULT 1;
ALTER TABLE messages ADD COLUMN is_shown INTEGER NOT NULL DEFAULT 1;
UPDATE messages SET parent = (
  SELECT b.id FROM messages b WHERE b.chat = messages.chat AND b.position < messages.position
  ORDER BY b.position DESC LIMIT 1
);
CREATE INDEX messages_behind ON messages (chat, parent);
CREATE INDEX messages_shown ON messages (chat, position) WHERE is_shown = 1;
