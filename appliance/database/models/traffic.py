"""What happens while the system runs: bindings, calls and events. Written by `sip`; events by everyone."""

from __future__ import annotations

import time

from peewee import AutoField, BooleanField, CharField, FloatField, ForeignKeyField, IntegerField, TextField

from appliance.database.fields import JsonField
from appliance.database.models.base import Table


class Binding(Table):
    """Where a device can be reached: a registered contact (RFC 3261 §10, RFC 5626)."""

    id = AutoField()
    username = TextField()
    contact = TextField()
    """The contact's URI as registered."""
    contact_key = TextField()
    """What makes it the same binding: instance and reg-id where the phone gives them, else the URI."""
    instance = TextField(default="")
    reg_id = IntegerField(default=0)
    q = FloatField(default=1.0)
    expires_at = FloatField()
    registered_at = FloatField()
    transport = TextField()
    local = TextField()
    remote = TextField()
    path = TextField(default="")
    user_agent = TextField(default="")
    call_id = TextField()
    cseq = IntegerField()

    class Meta:
        indexes = ((("username", "contact_key"), True),)


class Call(Table):
    """One call; the fields of `sip_daemon.call.record.CallRecord`."""

    id = CharField(primary_key=True)
    started_at = FloatField(index=True)
    ringing_at = FloatField(null=True)
    answered_at = FloatField(null=True)
    ended_at = FloatField(null=True)
    caller_number = TextField(default="", index=True)
    caller_name = TextField(default="")
    caller_device = TextField(default="")
    callee_number = TextField(default="", index=True)
    callee_name = TextField(default="")
    dialled = TextField(default="")
    status = TextField()
    """ringing, talking, answered, missed, busy, declined, cancelled, failed or stopped."""
    sip_status = IntegerField(null=True)
    cause = TextField(default="")
    ended_by = TextField(default="")
    detail = JsonField()


class CallLeg(Table):
    """One side of a call with one phone; the fields of `sip_daemon.call.record.LegRecord`."""

    id = AutoField()
    call = ForeignKeyField(Call, on_delete="CASCADE", backref="legs")
    call_id: str
    side = TextField()
    device = TextField(default="")
    extension = TextField(default="")
    transport = TextField(default="")
    remote = TextField(default="")
    user_agent = TextField(default="")
    sip_call_id = TextField(default="")
    state = TextField(default="")
    codec = TextField(default="")
    media_profile = TextField(default="")
    signalling_secure = BooleanField(default=False)
    media_secure = BooleanField(default=False)
    packets_received = IntegerField(default=0)
    packets_sent = IntegerField(default=0)
    packets_lost = IntegerField(default=0)
    jitter_ms = FloatField(default=0.0)
    detail = JsonField()


class Ban(Table):
    """A source that is kept out, or was lately: the fields of `sip_daemon.defence.ban.Ban`."""

    source = CharField(primary_key=True)
    """An IPv4 address or an IPv6 /64."""
    reason = TextField()
    """wrong-credentials, scanning, malformed or manual."""
    since = FloatField()
    until = FloatField(null=True)
    """NULL: until somebody ends it."""
    count = IntegerField(default=1)
    note = TextField(default="")


class Event(Table):
    """Something that a person should know: a program crashed, a disk is full."""

    id = AutoField()
    at = FloatField(default=time.time, index=True)
    severity = TextField()
    """info, warning or error."""
    source = TextField()
    """The program that says so."""
    kind = TextField()
    """A word for programs: `program-crashed`."""
    message = TextField()
    detail = JsonField()
