"""Every setting, once: its value's type, variable, column, default, what is allowed and what it is for.

A setting whose `is_offered` is false belongs to a part that this version does not have yet: its name is taken and its
value is checked, but it is neither listed nor accepted by `gosip config set`, and a variable that sets it is answered
with a note that it has no effect.
"""
# ruff: noqa: RUF009 - `setting` returns a dataclass field, which the rule cannot see

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from appliance.certificates import policy
from appliance.secret import Secret
from appliance.settings import parsers
from appliance.settings.parsers import Network, NeverBan, PortRange, Server

MAX_MEDIA_WORKERS = 64
MAX_TRACE_MEMORY = 1024


@dataclass(frozen=True, slots=True)
class Setting:
    """What is known of one setting."""

    variable: str
    """Environment variable."""
    parse: Callable[[str], Any]
    help: str
    """For a person: what it does."""
    column: str | None = None
    """Column of `config`; None when it can be set by the environment only."""
    unset: object = None
    """The literal default of the column: a row that holds it says nothing."""
    is_offered: bool = True
    """Whether this version does anything with it."""
    is_secret: bool = False
    """Never shown, never recorded; in the database only sealed, and opened there by whoever needs it."""
    name: str = ""
    """Of the attribute of `Settings`."""


def setting(variable: str, parse: Callable[[str], Any], default: Any, help: str, **more: Any) -> Any:
    """A dataclass field that carries its `Setting`; a callable default is asked for the value."""
    metadata = {"setting": Setting(variable, parse, help, **more)}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


def later(variable: str, parse: Callable[[str], Any], default: Any, help: str, **more: Any) -> Any:
    """A setting of a part that is not there yet."""
    return setting(variable, parse, default, help, is_offered=False, **more)


def cores() -> int:
    return min(len(os.sched_getaffinity(0)), MAX_MEDIA_WORKERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingValues:
    """The values of all settings."""

    data_dir: Path = setting(
        "GOSIP_DATA_DIR", lambda value: Path(parsers.text(value)), Path("data"), "The folder that holds everything."
    )
    bind_address: str = setting(
        "GOSIP_BIND_ADDRESS",
        parsers.address,
        "",
        "The address that all programs listen on; empty for all addresses of this machine.",
        column="bind_address",
    )
    sip_domain: str = setting(
        "GOSIP_SIP_DOMAIN",
        parsers.host,
        "localhost",
        "The domain of the SIP addresses. Every address of this machine is accepted as well.",
        column="sip_domain",
    )
    external_ip: str = setting(
        "GOSIP_EXTERNAL_IP",
        parsers.address,
        "",
        "The address by which peers outside the local networks reach this machine (behind NAT).",
        column="external_ip",
    )
    sip_port: int = setting("GOSIP_SIP_PORT", parsers.port, 5060, "SIP over UDP and TCP.", column="sip_port")
    http_port: int = setting(
        "GOSIP_HTTP_PORT", parsers.port, 8080, "HTTP: sends browsers on to the admin's HTTPS.", column="http_port"
    )
    https_port: int = setting("GOSIP_HTTPS_PORT", parsers.port, 8443, "The admin pages.", column="https_port")
    rtp_ports: PortRange = setting(
        "GOSIP_RTP_PORTS",
        parsers.port_range,
        PortRange(20000, 29999),
        "The UDP ports for audio, shared out among the media workers. A call takes four.",
        column="rtp_ports",
    )
    media_workers: int = setting(
        "GOSIP_MEDIA_WORKERS",
        parsers.whole_number(1, MAX_MEDIA_WORKERS),
        cores,
        "How many processes carry the audio; one for each core unless said otherwise.",
        column="media_workers",
    )
    log_level: str = setting(
        "GOSIP_LOG_LEVEL",
        parsers.choice("debug", "info", "warning", "error"),
        "info",
        "How much the programs write to their logs.",
        column="log_level",
    )
    trace_memory: int = setting(
        "GOSIP_TRACE_MEMORY",
        parsers.whole_number(0, MAX_TRACE_MEMORY),
        8,
        "How many MiB of memory keep the last SIP messages for whoever looks at a trace; 0 keeps none.",
    )
    debug: bool = setting("GOSIP_DEBUG", parsers.boolean, False, "The same as the log level debug.")
    database_url: str = setting("GOSIP_DATABASE_URL", parsers.database_url, "", "The database; SQLite when empty.")
    timezone: str = setting("TZ", parsers.text, "", "The time zone of shown times; that of this machine when empty.")
    admin_networks: tuple[Network, ...] = setting(
        "GOSIP_ADMIN_NETWORKS",
        parsers.networks,
        (),
        "Networks besides the private and on-link ones that reach the admin pages: 192.0.2.0/24, 2001:db8::/32.",
        column="admin_networks",
    )

    dns_servers: tuple[Server, ...] = setting(
        "GOSIP_DNS_SERVERS",
        parsers.name_servers,
        (),
        "The name servers that SIP asks, separated by commas; those of /etc/resolv.conf when empty.",
    )

    ban_after: int = setting(
        "GOSIP_BAN_AFTER",
        parsers.whole_number(0, 1000),
        10,
        "Wrong passwords, a minute apart or less, after which an address is banned; 0 bans nobody by itself.",
        column="ban_after",
    )
    never_ban: NeverBan = setting(
        "GOSIP_NEVER_BAN",
        parsers.never_ban,
        NeverBan(),
        "Networks that are never banned: local (the private networks this machine is on), 192.0.2.0/24, or none.",
        column="never_ban",
    )
    connections_per_source: int = setting(
        "GOSIP_CONNECTIONS_PER_SOURCE",
        parsers.whole_number(1, 4096),
        512,
        "SIP connections that one address may hold open; raise it for a large site behind one NAT address.",
        column="connections_per_source",
    )

    tls_enabled: bool = setting(
        "GOSIP_TLS_ENABLED",
        parsers.boolean,
        False,
        "Whether phones may connect by TLS, with the certificate that the admin pages have.",
        column="tls_enabled",
        unset=0,
    )
    tls_port: int = setting("GOSIP_TLS_PORT", parsers.port, policy.TLS_PORT, "SIP over TLS.", column="tls_port")
    tls_wss_port: int = later(
        "GOSIP_TLS_WSS_PORT", parsers.port, policy.WSS_PORT, "SIP over secure WebSocket.", column="tls_wss_port"
    )
    tls_cert_mode: str = later(
        "GOSIP_TLS_CERT_MODE",
        parsers.choice("manual", "acme"),
        "acme",
        "Where the certificate comes from: own files, or an ACME authority.",
        column="tls_cert_mode",
        unset="acme",
    )
    tls_cert_file: str = later(
        "GOSIP_TLS_CERT_FILE", parsers.file, "", "Certificate and chain (manual mode).", column="tls_cert_file"
    )
    tls_key_file: str = later("GOSIP_TLS_KEY_FILE", parsers.file, "", "Key (manual mode).", column="tls_key_file")
    tls_ca_file: str = setting(
        "GOSIP_TLS_CA_FILE",
        parsers.file,
        "",
        "The file with the authorities (PEM) whose certificates phones may show.",
        column="tls_ca_file",
    )
    tls_min_version: str = setting(
        "GOSIP_TLS_MIN_VERSION",
        parsers.choice(*policy.MIN_VERSIONS),
        policy.MIN_VERSION,
        "The lowest version of TLS that phones may speak.",
        column="tls_min_version",
    )
    tls_client_auth: str = setting(
        "GOSIP_TLS_CLIENT_AUTH",
        parsers.choice(*policy.CLIENT_AUTH),
        "none",
        "Whether phones show a certificate of their own: none, request (checked when shown) or require.",
        column="tls_client_auth",
    )
    tls_disable_unencrypted: bool = later(
        "GOSIP_TLS_DISABLE_UNENCRYPTED",
        parsers.boolean,
        False,
        "No SIP over UDP and TCP at all.",
        column="tls_disable_unencrypted",
    )
    tls_ciphers: str = setting(
        "GOSIP_TLS_CIPHERS",
        parsers.choice(*policy.CIPHERS),
        "modern",
        "Cipher suites of TLS 1.2: modern, or compatible with old phones.",
        column="tls_ciphers",
    )
    tls_key_type: str = later(
        "GOSIP_TLS_KEY_TYPE",
        parsers.choice("rsa", "ecdsa", "both"),
        "rsa",
        "The kind of key that certificates are asked for with.",
        column="tls_key_type",
    )
    acme_email: str = later("GOSIP_ACME_EMAIL", parsers.email, "", "Account e-mail.", column="acme_email")
    acme_domain: str = later("GOSIP_ACME_DOMAIN", parsers.optional_host, "", "Primary name.", column="acme_domain")
    acme_domains: tuple[str, ...] = later(
        "GOSIP_ACME_DOMAINS", parsers.hosts, (), "Further names in the certificate.", column="acme_domains"
    )
    acme_ca: str = later(
        "GOSIP_ACME_CA", parsers.choice("production", "staging"), "staging", "Which authority.", column="acme_ca"
    )
    acme_profile: str = later(
        "GOSIP_ACME_PROFILE", parsers.text, "", "Profile of the authority that is preferred.", column="acme_profile"
    )
    acme_propagation_seconds: int = later(
        "GOSIP_ACME_PROPAGATION_SECONDS",
        parsers.whole_number(0, 600),
        10,
        "How long a DNS record is given before the authority looks for it.",
        column="acme_propagation_seconds",
    )
    dns_records_kept: bool = later(
        "GOSIP_DNS_RECORDS_KEPT",
        parsers.boolean,
        False,
        "Keep the DNS records that phones need at Cloudflare.",
        column="dns_records_kept",
    )
    cloudflare_dns_api_token: Secret | None = setting(
        "CLOUDFLARE_DNS_API_TOKEN",
        parsers.secret,
        None,
        "The API token of Cloudflare for the DNS of the domain; stored sealed by gosip cloudflare token set.",
        column="cloudflare_api_token",
        is_secret=True,
    )
    srtp_enabled: bool = later(
        "GOSIP_SRTP_ENABLED", parsers.boolean, False, "SRTP required on every leg.", column="srtp_enabled", unset=0
    )
    srtp_profile: str = later(
        "GOSIP_SRTP_PROFILE",
        parsers.choice("AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"),
        "AES_CM_128_HMAC_SHA1_80",
        "The suite that is offered first.",
        column="srtp_profile",
    )
    phones_http_port: int = later("GOSIP_PHONES_HTTP_PORT", parsers.port, 8088, "Provisioning, bootstrap.")
    phones_https_port: int = later("GOSIP_PHONES_HTTPS_PORT", parsers.port, 8444, "Provisioning.")
    tftp_port: int = later("GOSIP_TFTP_PORT", parsers.port, 6969, "Provisioning by TFTP.")
    recording_enabled: bool = later("GOSIP_RECORDING_ENABLED", parsers.boolean, False, "Calls may be recorded.")
    cors_origins: tuple[str, ...] = later("GOSIP_CORS_ORIGINS", parsers.words, (), "Origins that may use the API.")
    twilio_account_sid: str = later("TWILIO_ACCOUNT_SID", parsers.text, "", "Account of the Twilio trunk.")
    twilio_auth_token: Secret | None = later(
        "TWILIO_AUTH_TOKEN", parsers.secret, None, "Token of that account.", is_secret=True
    )
    alarm_email: str = later("GOSIP_ALARM_EMAIL", parsers.email, "", "Who gets alarms by mail.", column="alarm_email")
    smtp_host: str = later("SMTP_HOST", parsers.optional_host, "", "Mail server.", column="smtp_host")
    smtp_port: int = later("SMTP_PORT", parsers.port, 587, "Its port.", column="smtp_port")
    smtp_security: str = later(
        "SMTP_SECURITY",
        parsers.choice("starttls", "tls", "none"),
        "starttls",
        "How the connection to it is encrypted.",
        column="smtp_security",
    )
    smtp_user: str = later("SMTP_USER", parsers.text, "", "Account there.", column="smtp_user")
    smtp_password: Secret | None = later(
        "SMTP_PASSWORD", parsers.secret, None, "Its password.", column="smtp_password", is_secret=True
    )
    smtp_from: str = later("SMTP_FROM", parsers.email, "", "Sender of our mail.", column="smtp_from")
    postmark_api_token: Secret | None = later(
        "POSTMARK_API_TOKEN", parsers.secret, None, "Mail by Postmark.", is_secret=True
    )
    gotify_url: str = later("GOTIFY_URL", parsers.text, "", "Push messages by Gotify.")
    gotify_token: Secret | None = later("GOTIFY_TOKEN", parsers.secret, None, "Its token.", is_secret=True)


def described(settings_class: type[SettingValues]) -> Mapping[str, Setting]:
    table: dict[str, Setting] = {}
    for entry in fields(settings_class):
        known: Setting = entry.metadata["setting"]
        table[entry.name] = Setting(
            variable=known.variable,
            parse=known.parse,
            help=known.help,
            column=known.column,
            unset=known.unset,
            is_offered=known.is_offered,
            is_secret=known.is_secret,
            name=entry.name,
        )
    return MappingProxyType(table)


SETTINGS: Mapping[str, Setting] = described(SettingValues)
"""By the name of the attribute."""
