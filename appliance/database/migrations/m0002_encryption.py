"""The settings of TLS, ACME and SRTP."""

SQL = """
ALTER TABLE config ADD COLUMN tls_enabled INTEGER DEFAULT 0;
ALTER TABLE config ADD COLUMN tls_cert_mode TEXT DEFAULT 'acme';
ALTER TABLE config ADD COLUMN tls_cert_file TEXT;
ALTER TABLE config ADD COLUMN tls_key_file TEXT;
ALTER TABLE config ADD COLUMN acme_email TEXT;
ALTER TABLE config ADD COLUMN acme_domain TEXT;
ALTER TABLE config ADD COLUMN cloudflare_api_token TEXT;
ALTER TABLE config ADD COLUMN srtp_enabled INTEGER DEFAULT 0;
ALTER TABLE config ADD COLUMN tls_port INTEGER;
ALTER TABLE config ADD COLUMN tls_wss_port INTEGER;
ALTER TABLE config ADD COLUMN tls_ca_file TEXT;
ALTER TABLE config ADD COLUMN acme_domains TEXT;
ALTER TABLE config ADD COLUMN acme_ca TEXT;
ALTER TABLE config ADD COLUMN tls_client_auth TEXT;
ALTER TABLE config ADD COLUMN tls_min_version TEXT;
ALTER TABLE config ADD COLUMN srtp_profile TEXT
"""
