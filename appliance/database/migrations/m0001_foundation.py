"""People, extensions, devices, bindings, calls, events, and the settings' single row."""

SQL = """
CREATE TABLE config (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    sip_domain TEXT,
    realm TEXT,
    external_ip TEXT,
    bind_address TEXT,
    sip_port INTEGER,
    http_port INTEGER,
    https_port INTEGER,
    rtp_ports TEXT,
    media_workers INTEGER,
    log_level TEXT,
    admin_networks TEXT
);
INSERT INTO config (id) VALUES (1);

CREATE TABLE user (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    role TEXT NOT NULL CHECK (role IN ('admin', 'user')),
    totp_sealed BLOB,
    totp_last_step INTEGER NOT NULL DEFAULT 0,
    enabled INTEGER NOT NULL DEFAULT 1,
    created_at REAL NOT NULL,
    last_sign_in_at REAL
);
CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    user_id INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    created_at REAL NOT NULL,
    used_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    address TEXT NOT NULL DEFAULT '',
    user_agent TEXT NOT NULL DEFAULT ''
);
CREATE INDEX session_user_id ON session (user_id);
CREATE INDEX session_expires_at ON session (expires_at);
CREATE TABLE setup_code (
    id INTEGER PRIMARY KEY,
    code_hash TEXT NOT NULL,
    created_at REAL NOT NULL,
    expires_at REAL NOT NULL,
    used_at REAL
);
CREATE TABLE sign_in_failure (
    id INTEGER PRIMARY KEY,
    account TEXT NOT NULL,
    address TEXT NOT NULL,
    at REAL NOT NULL
);
CREATE INDEX sign_in_failure_account ON sign_in_failure (account, at);
CREATE INDEX sign_in_failure_address ON sign_in_failure (address, at);
CREATE TABLE audit (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    actor TEXT NOT NULL,
    source TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_at ON audit (at);

CREATE TABLE extension (
    id INTEGER PRIMARY KEY,
    number TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL DEFAULT '',
    owner_id INTEGER REFERENCES user (id) ON DELETE SET NULL,
    enabled INTEGER NOT NULL DEFAULT 1,
    ring_seconds INTEGER NOT NULL DEFAULT 30,
    created_at REAL NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX extension_owner_id ON extension (owner_id);
CREATE INDEX extension_revision ON extension (revision);
CREATE TABLE device (
    id INTEGER PRIMARY KEY,
    extension_id INTEGER NOT NULL REFERENCES extension (id) ON DELETE CASCADE,
    username TEXT NOT NULL UNIQUE,
    label TEXT NOT NULL DEFAULT '',
    ha1_md5 TEXT NOT NULL,
    ha1_sha256 TEXT NOT NULL,
    sealed_password BLOB NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1,
    created_at REAL NOT NULL,
    changed_at REAL NOT NULL,
    revision INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX device_extension_id ON device (extension_id);
CREATE INDEX device_revision ON device (revision);
CREATE TABLE revision (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL DEFAULT 0
);
INSERT INTO revision (id, number) VALUES (1, 0);
CREATE TABLE removal (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (kind, key, revision)
);
CREATE INDEX removal_revision ON removal (revision);

CREATE TABLE binding (
    id INTEGER PRIMARY KEY,
    username TEXT NOT NULL,
    contact TEXT NOT NULL,
    contact_key TEXT NOT NULL,
    instance TEXT NOT NULL DEFAULT '',
    reg_id INTEGER NOT NULL DEFAULT 0,
    q REAL NOT NULL DEFAULT 1.0,
    expires_at REAL NOT NULL,
    registered_at REAL NOT NULL,
    transport TEXT NOT NULL,
    local TEXT NOT NULL,
    remote TEXT NOT NULL,
    path TEXT NOT NULL DEFAULT '',
    user_agent TEXT NOT NULL DEFAULT '',
    call_id TEXT NOT NULL,
    cseq INTEGER NOT NULL,
    UNIQUE (username, contact_key)
);
CREATE TABLE call (
    id TEXT PRIMARY KEY NOT NULL,
    started_at REAL NOT NULL,
    ringing_at REAL,
    answered_at REAL,
    ended_at REAL,
    caller_number TEXT NOT NULL DEFAULT '',
    caller_name TEXT NOT NULL DEFAULT '',
    caller_device TEXT NOT NULL DEFAULT '',
    callee_number TEXT NOT NULL DEFAULT '',
    callee_name TEXT NOT NULL DEFAULT '',
    dialled TEXT NOT NULL DEFAULT '',
    status TEXT NOT NULL,
    sip_status INTEGER,
    cause TEXT NOT NULL DEFAULT '',
    ended_by TEXT NOT NULL DEFAULT '',
    detail TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX call_started_at ON call (started_at);
CREATE INDEX call_caller_number ON call (caller_number, started_at);
CREATE INDEX call_callee_number ON call (callee_number, started_at);
CREATE INDEX call_open ON call (status) WHERE ended_at IS NULL;
CREATE TABLE call_leg (
    id INTEGER PRIMARY KEY,
    call_id TEXT NOT NULL REFERENCES call (id) ON DELETE CASCADE,
    side TEXT NOT NULL,
    device TEXT NOT NULL DEFAULT '',
    extension TEXT NOT NULL DEFAULT '',
    transport TEXT NOT NULL DEFAULT '',
    remote TEXT NOT NULL DEFAULT '',
    user_agent TEXT NOT NULL DEFAULT '',
    sip_call_id TEXT NOT NULL DEFAULT '',
    state TEXT NOT NULL DEFAULT '',
    codec TEXT NOT NULL DEFAULT '',
    media_profile TEXT NOT NULL DEFAULT '',
    signalling_secure INTEGER NOT NULL DEFAULT 0,
    media_secure INTEGER NOT NULL DEFAULT 0,
    packets_received INTEGER NOT NULL DEFAULT 0,
    packets_sent INTEGER NOT NULL DEFAULT 0,
    packets_lost INTEGER NOT NULL DEFAULT 0,
    jitter_ms REAL NOT NULL DEFAULT 0,
    detail TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX call_leg_call_id ON call_leg (call_id);
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    severity TEXT NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    detail TEXT NOT NULL DEFAULT '{}'
);
CREATE INDEX event_at ON event (at)
"""
