-- How long a model may think in a chat.
ALTER TABLE chats ADD COLUMN effort TEXT NOT NULL DEFAULT 'normal';
