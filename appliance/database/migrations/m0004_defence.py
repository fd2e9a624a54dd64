"""Sources that are kept out, and the settings of that."""

SQL = """
CREATE TABLE ban (
    source TEXT NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    since REAL NOT NULL,
    until REAL,
    count INTEGER NOT NULL DEFAULT 1,
    note TEXT NOT NULL DEFAULT ''
);
ALTER TABLE config ADD COLUMN ban_after INTEGER;
ALTER TABLE config ADD COLUMN never_ban TEXT;
ALTER TABLE config ADD COLUMN connections_per_source INTEGER
"""
