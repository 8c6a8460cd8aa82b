-- What a call was for (the kind of its run), and whether it was paid by the person's own key.
ALTER TABLE model_calls ADD COLUMN cause TEXT NOT NULL DEFAULT 'turn';
ALTER TABLE model_calls ADD COLUMN own_key INTEGER NOT NULL DEFAULT 0;
