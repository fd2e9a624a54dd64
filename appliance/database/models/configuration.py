"""What the admin configures: the settings' row, extensions and their devices, and how others learn of changes."""

from __future__ import annotations

import time
from typing import Any

from peewee import (
    AutoField,
    BlobField,
    BooleanField,
    CharField,
    CompositeKey,
    FloatField,
    ForeignKeyField,
    IntegerField,
    TextField,
)

from appliance.database.models.base import Table
from appliance.database.models.people import User

DEFAULT_RING_SECONDS = 30


class Config(Table):
    """The settings that were made in the admin pages: a single row, id 1.

    A column that is NULL, or still has its literal default, means "not set here": then the default of
    `appliance.settings` holds. `realm` is no setting: it is stored at the first start and never changes, since every
    stored HA1 contains it.
    """

    id = AutoField()
    sip_domain = TextField(null=True)
    realm = TextField(null=True)
    external_ip = TextField(null=True)
    bind_address = TextField(null=True)
    sip_port = IntegerField(null=True)
    http_port = IntegerField(null=True)
    https_port = IntegerField(null=True)
    rtp_ports = TextField(null=True)
    media_workers = IntegerField(null=True)
    log_level = TextField(null=True)
    admin_networks = TextField(null=True)
    ban_after = IntegerField(null=True)
    never_ban = TextField(null=True)
    connections_per_source = IntegerField(null=True)

    tls_enabled = IntegerField(default=0)
    tls_cert_mode = TextField(default="acme")
    tls_cert_file = TextField(null=True)
    tls_key_file = TextField(null=True)
    acme_email = TextField(null=True)
    acme_domain = TextField(null=True)
    cloudflare_api_token = TextField(null=True)
    """Sealed: never the token itself."""
    srtp_enabled = IntegerField(default=0)

    tls_port = IntegerField(null=True)
    tls_wss_port = IntegerField(null=True)
    tls_ca_file = TextField(null=True)
    acme_domains = TextField(null=True)
    acme_ca = TextField(null=True)
    tls_client_auth = TextField(null=True)
    tls_min_version = TextField(null=True)
    srtp_profile = TextField(null=True)
    tls_disable_unencrypted = IntegerField(null=True)
    tls_ciphers = TextField(null=True)
    tls_key_type = TextField(null=True)
    acme_profile = TextField(null=True)
    acme_propagation_seconds = IntegerField(null=True)
    dns_records_kept = IntegerField(null=True)
    alarm_email = TextField(null=True)
    smtp_host = TextField(null=True)
    smtp_port = IntegerField(null=True)
    smtp_security = TextField(null=True)
    smtp_user = TextField(null=True)
    smtp_password = TextField(null=True)
    """Sealed: never the password itself."""
    smtp_from = TextField(null=True)


class Extension(Table):
    """A number that people dial. It rings all of its devices."""

    id = AutoField()
    number = CharField(unique=True)
    name = TextField(default="")
    """Shown to the called party."""
    owner = ForeignKeyField(User, null=True, on_delete="SET NULL", backref="extensions")
    owner_id: int | None
    enabled = BooleanField(default=True)
    ring_seconds = IntegerField(default=DEFAULT_RING_SECONDS)
    created_at = FloatField(default=time.time)
    revision = IntegerField(default=0)
    """`Revision.number` of the last change."""
    devices: Any
    """Query for its devices."""


class Device(Table):
    """A phone: what registers, with an account of its own."""

    id = AutoField()
    extension = ForeignKeyField(Extension, on_delete="CASCADE", backref="devices")
    extension_id: int
    username = CharField(unique=True)
    """SIP username, unique on the whole system; case matters (RFC 3261 §19.1.4)."""
    label = TextField(default="")
    ha1_md5 = TextField()
    ha1_sha256 = TextField()
    sealed_password = BlobField()
    """For a new HA1 and for provisioning; the field name in the secret box is `device.password`."""
    enabled = BooleanField(default=True)
    created_at = FloatField(default=time.time)
    changed_at = FloatField(default=time.time)
    revision = IntegerField(default=0)


class Revision(Table):
    """One row, id 1: grows with each configuration operation. A program that knows a lower number looks for changes."""

    id = AutoField()
    number = IntegerField(default=0)


class Removal(Table):
    """A row that was removed, so that a program which knew it learns so. Apply removals before changed rows."""

    kind = TextField()
    """`extension` or `device`."""
    key = TextField()
    """Number or username."""
    revision = IntegerField()

    class Meta:
        primary_key = CompositeKey("kind", "key", "revision")
