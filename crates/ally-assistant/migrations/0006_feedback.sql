-- What the person thinks of an answer: her own words and nothing of the answer. It goes with its message.
CREATE TABLE feedback (
  message TEXT PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
  rating TEXT NOT NULL CHECK (rating IN ('up', 'down')),
  note TEXT,
  model TEXT NOT NULL,
  account TEXT NOT NULL,
  at INTEGER NOT NULL,
  integrity TEXT NOT NULL,
  confidentiality TEXT NOT NULL
) STRICT;
CREATE INDEX feedback_age ON feedback (at);
