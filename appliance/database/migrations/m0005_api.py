"""Programs that use the API: their tokens, and what they were answered to requests that must not happen twice."""

SQL = """
CREATE TABLE api_token (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    beginning TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('read', 'write')),
    created_at REAL NOT NULL,
    expires_at REAL,
    used_at REAL,
    address TEXT NOT NULL DEFAULT ''
);
CREATE INDEX api_token_user_id ON api_token (user_id);
CREATE TABLE idempotency (
    id INTEGER PRIMARY KEY,
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    started_at REAL NOT NULL,
    sealed_answer BLOB,
    UNIQUE (user_id, key)
);
CREATE INDEX idempotency_started_at ON idempotency (started_at)
"""
