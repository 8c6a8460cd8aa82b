-- Portable to SQLite and PostgreSQL: ids and digests are TEXT, moments BIGINT milliseconds, flags INTEGER 0 or 1.
CREATE TABLE installation (
  id INTEGER PRIMARY KEY,
  first_account TEXT,
  sign_up TEXT,
  changed BIGINT NOT NULL
);
INSERT INTO installation (id, first_account, sign_up, changed) VALUES (1, NULL, NULL, 0);

CREATE TABLE account (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  email_typed TEXT NOT NULL,
  name TEXT,
  timezone TEXT,
  administrator INTEGER NOT NULL,
  created BIGINT NOT NULL,
  not_before BIGINT NOT NULL
);

CREATE TABLE server (
  id TEXT PRIMARY KEY,
  created BIGINT NOT NULL,
  ready BIGINT
);

CREATE TABLE membership (
  account TEXT NOT NULL REFERENCES account (id),
  server TEXT NOT NULL REFERENCES server (id),
  role TEXT NOT NULL,
  created BIGINT NOT NULL,
  PRIMARY KEY (account, server)
);

CREATE TABLE password (
  account TEXT PRIMARY KEY REFERENCES account (id),
  scheme TEXT NOT NULL,
  hash TEXT NOT NULL,
  changed BIGINT NOT NULL
);

CREATE TABLE session (
  id TEXT PRIMARY KEY,
  account TEXT NOT NULL REFERENCES account (id),
  created BIGINT NOT NULL,
  last_used BIGINT NOT NULL,
  authenticated_at BIGINT NOT NULL,
  agent TEXT NOT NULL,
  jti TEXT NOT NULL,
  next_jti TEXT,
  previous_jti TEXT,
  renewed BIGINT NOT NULL,
  ends BIGINT NOT NULL,
  revoked BIGINT
);
CREATE INDEX session_by_account ON session (account);

CREATE TABLE invitation (
  id TEXT PRIMARY KEY,
  token_hash TEXT NOT NULL UNIQUE,
  made_by TEXT NOT NULL REFERENCES account (id),
  created BIGINT NOT NULL,
  expires BIGINT NOT NULL,
  used_by TEXT,
  used BIGINT
);

CREATE TABLE acceptance (
  account TEXT NOT NULL REFERENCES account (id),
  document TEXT NOT NULL,
  version TEXT NOT NULL,
  accepted BIGINT NOT NULL,
  PRIMARY KEY (account, document, version)
);

CREATE TABLE job (
  key TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  due BIGINT NOT NULL,
  lease TEXT,
  leased_until BIGINT,
  done BIGINT,
  failed INTEGER NOT NULL
);
CREATE INDEX job_by_due ON job (done, due);

CREATE TABLE security_event (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  account TEXT,
  address TEXT,
  happened BIGINT NOT NULL
);
CREATE INDEX security_event_by_time ON security_event (happened);
