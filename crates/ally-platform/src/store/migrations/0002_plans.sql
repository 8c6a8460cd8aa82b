-- Which plan an account has, where it is not the usual one; and how many tokens each server used on each day (days since
-- 1970-01-01, UTC), as its gateway last said.
ALTER TABLE account ADD COLUMN plan TEXT;

CREATE TABLE usage_total (
  server TEXT NOT NULL,
  day BIGINT NOT NULL,
  tokens BIGINT NOT NULL,
  PRIMARY KEY (server, day)
);
