"""Certificates and what keeps them fresh."""

from __future__ import annotations

import time

from peewee import AutoField, BooleanField, CharField, FloatField, ForeignKeyField, IntegerField, TextField

from appliance.database.fields import JsonField
from appliance.database.models.base import Table
from appliance.database.models.configuration import Device


class Job(Table):
    """Work that the program `jobs` does: at once, at a time, or again after a failure."""

    id = AutoField()
    kind = TextField()
    """A word for programs: `certificate.issue`."""
    subject = TextField(default="")
    """What it is about, for people and to find a job that is already there."""
    detail = JsonField()
    """What the work needs to know; never a secret."""
    state = TextField(default="waiting")
    """waiting, running, done, failed or cancelled."""
    asked_by = TextField(default="")
    created_at = FloatField(default=time.time)
    due_at = FloatField(default=time.time)
    started_at = FloatField(null=True)
    ended_at = FloatField(null=True)
    attempts = IntegerField(default=0)
    steps = JsonField(default=list)
    """Progress: a list of `{"at": seconds, "text": sentence, "state": "running" | "done" | "failed"}`."""
    outcome = TextField(default="")
    """How it ended, in a sentence for a person."""
    output = TextField(default="")
    """What the tools said, without secrets: behind "details"."""


class Renewal(Table):
    """What is known of a lineage's next renewal: it outlasts restarts and jumps of the clock."""

    lineage = CharField(primary_key=True)
    """`production/gosip-rsa`."""
    attempted_at = FloatField(null=True)
    succeeded_at = FloatField(null=True)
    failures = IntegerField(default=0)
    """In a row."""
    not_before = FloatField(null=True)
    """No attempt before: back-off, or what the authority asked for."""
    window_start = FloatField(null=True)
    """The authority's suggestion (ARI), where it makes one."""
    window_end = FloatField(null=True)
    checked_at = FloatField(null=True)
    reason = TextField(default="")
    """Why the last attempt failed."""


class Issuance(Table):
    """A request that the authority counts: what the guard of its limits looks at."""

    id = AutoField()
    at = FloatField(default=time.time)
    environment = TextField()
    lineage = TextField()
    names = TextField()
    """Sorted, with commas between them."""
    forced = BooleanField(default=False)
    succeeded = BooleanField()


class Deployment(Table):
    """The installed certificates were given to the programs, and every port was asked what it serves."""

    id = AutoField()
    at = FloatField(default=time.time)
    source = TextField()
    """hook, upload, self-signed, settings or repair."""
    succeeded = BooleanField()
    fingerprints = JsonField()
    """SHA-256 of the leaf by key type."""
    checks = JsonField(default=list)
    """A list of `{"name", "ok", "why", "fix"}`."""
    message = TextField(default="")


class Alarm(Table):
    """Something is wrong now and needs a person; the row goes when it is right again."""

    key = CharField(primary_key=True)
    """What it is about: `certificate.expiry`."""
    severity = TextField()
    """warning or error."""
    message = TextField()
    fix = TextField(default="")
    since = FloatField(default=time.time)
    changed_at = FloatField(default=time.time)
    mailed_at = FloatField(null=True)


class DeviceCertificate(Table):
    """A client certificate that the own authority gave to a phone."""

    id = AutoField()
    device = ForeignKeyField(Device, null=True, on_delete="SET NULL")
    device_id: int | None
    name = TextField()
    serial = CharField(unique=True)
    """Hexadecimal, lower case."""
    fingerprint = TextField()
    issued_at = FloatField(default=time.time)
    expires_at = FloatField()
    revoked_at = FloatField(null=True)
