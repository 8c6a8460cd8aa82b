-- Of what is reserved, what is kept for the next question, and the place of its mark (`models/counters/marks.rs`) that
-- says whether a call has taken it since.
ALTER TABLE counters ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
ALTER TABLE counters ADD COLUMN place INTEGER;
