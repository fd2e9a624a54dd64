"""Certificates and what keeps them fresh: jobs, renewals, deployments, alarms, and certificates of devices."""

SQL = """
ALTER TABLE config ADD COLUMN tls_disable_unencrypted INTEGER;
ALTER TABLE config ADD COLUMN tls_ciphers TEXT;
ALTER TABLE config ADD COLUMN tls_key_type TEXT;
ALTER TABLE config ADD COLUMN acme_profile TEXT;
ALTER TABLE config ADD COLUMN acme_propagation_seconds INTEGER;
ALTER TABLE config ADD COLUMN dns_records_kept INTEGER;
ALTER TABLE config ADD COLUMN alarm_email TEXT;
ALTER TABLE config ADD COLUMN smtp_host TEXT;
ALTER TABLE config ADD COLUMN smtp_port INTEGER;
ALTER TABLE config ADD COLUMN smtp_security TEXT;
ALTER TABLE config ADD COLUMN smtp_user TEXT;
ALTER TABLE config ADD COLUMN smtp_password TEXT;
ALTER TABLE config ADD COLUMN smtp_from TEXT;

CREATE TABLE job (
    id INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    subject TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '{}',
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    asked_by TEXT NOT NULL DEFAULT '',
    created_at REAL NOT NULL,
    due_at REAL NOT NULL,
    started_at REAL,
    ended_at REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    steps TEXT NOT NULL DEFAULT '[]',
    outcome TEXT NOT NULL DEFAULT '',
    output TEXT NOT NULL DEFAULT ''
);
CREATE INDEX job_due_at ON job (due_at) WHERE state = 'waiting';
CREATE INDEX job_kind ON job (kind, created_at);

CREATE TABLE renewal (
    lineage TEXT NOT NULL PRIMARY KEY,
    attempted_at REAL,
    succeeded_at REAL,
    failures INTEGER NOT NULL DEFAULT 0,
    not_before REAL,
    window_start REAL,
    window_end REAL,
    checked_at REAL,
    reason TEXT NOT NULL DEFAULT ''
);
CREATE TABLE issuance (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    environment TEXT NOT NULL,
    lineage TEXT NOT NULL,
    names TEXT NOT NULL,
    forced INTEGER NOT NULL DEFAULT 0,
    succeeded INTEGER NOT NULL
);
CREATE INDEX issuance_at ON issuance (at);

CREATE TABLE deployment (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    source TEXT NOT NULL,
    succeeded INTEGER NOT NULL,
    fingerprints TEXT NOT NULL DEFAULT '{}',
    checks TEXT NOT NULL DEFAULT '[]',
    message TEXT NOT NULL DEFAULT ''
);
CREATE INDEX deployment_at ON deployment (at);

CREATE TABLE alarm (
    key TEXT NOT NULL PRIMARY KEY,
    severity TEXT NOT NULL CHECK (severity IN ('warning', 'error')),
    message TEXT NOT NULL,
    fix TEXT NOT NULL DEFAULT '',
    since REAL NOT NULL,
    changed_at REAL NOT NULL,
    mailed_at REAL
);

CREATE TABLE device_certificate (
    id INTEGER PRIMARY KEY,
    device_id INTEGER REFERENCES device (id) ON DELETE SET NULL,
    name TEXT NOT NULL,
    serial TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    issued_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    revoked_at REAL
);
CREATE INDEX device_certificate_device_id ON device_certificate (device_id)
"""
