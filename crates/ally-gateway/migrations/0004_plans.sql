-- Usage limits: which plan each server has, what everybody used in a day, who was told what, and what the platform knows.
-- `told` is what the platform was last told to be settled.
ALTER TABLE counters ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
CREATE INDEX counters_untold ON counters (server, period) WHERE settled <> told;

-- One day of the whole installation, changed with the rows of the servers.
CREATE TABLE totals (
    period INTEGER PRIMARY KEY,
    reserved INTEGER NOT NULL DEFAULT 0,
    settled INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO totals (period, reserved, settled) SELECT period, SUM(reserved), SUM(settled) FROM counters GROUP BY period;

-- Servers whose plan is not the usual one, as the platform last said.
CREATE TABLE plans (
    server TEXT PRIMARY KEY,
    plan TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Of a server's current day or month (`began` is its first day): whether a call was refused, and up to which share of
-- the limit the person has put the notice away.
CREATE TABLE notices (
    server TEXT NOT NULL,
    span TEXT NOT NULL,
    began INTEGER NOT NULL,
    refused INTEGER NOT NULL DEFAULT 0,
    dismissed INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (server, span)
) STRICT, WITHOUT ROWID;
