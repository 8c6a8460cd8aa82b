-- A temporary chat is in no list and no index, and is taken away when it is closed or left alone.

ALTER TABLE chats ADD COLUMN temporary INTEGER NOT NULL DEFAULT 0;
CREATE INDEX chats_temporary ON chats (updated) WHERE temporary = 1;
