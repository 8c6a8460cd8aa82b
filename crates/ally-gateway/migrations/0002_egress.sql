-- Where people's data went: counts per server, host and day (days since 1970-01-01, UTC).
CREATE TABLE egress (
    server TEXT NOT NULL,
    day INTEGER NOT NULL,
    host TEXT NOT NULL,
    calls INTEGER NOT NULL DEFAULT 0,
    refused INTEGER NOT NULL DEFAULT 0,
    sent INTEGER NOT NULL DEFAULT 0,
    received INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (server, day, host)
) STRICT, WITHOUT ROWID;

-- Hosts that people added to the list of what their assistant may call.
CREATE TABLE egress_hosts (
    server TEXT NOT NULL,
    host TEXT NOT NULL,
    port INTEGER NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (server, host, port)
) STRICT, WITHOUT ROWID;
