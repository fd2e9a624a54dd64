"""Who signs in, and what they did."""

from __future__ import annotations

import time

from peewee import AutoField, BlobField, BooleanField, CharField, FloatField, ForeignKeyField, IntegerField, TextField

from appliance.database.fields import JsonField
from appliance.database.models.base import Table


class User(Table):
    """A person who signs in to the admin pages."""

    id = AutoField()
    name = CharField(unique=True)
    """Case-folded, so that nobody can take a look-alike."""
    password_hash = TextField()
    role = TextField()
    """`admin` or `user`; a user sees only extensions of which it is the owner."""
    totp_sealed = BlobField(null=True)
    """The second factor's secret, once confirmed; field name `user.totp` in the secret box."""
    totp_last_step = IntegerField(default=0)
    """The time step of the last code that was taken: none is taken twice (RFC 6238 §5.2)."""
    enabled = BooleanField(default=True)
    created_at = FloatField(default=time.time)
    last_sign_in_at = FloatField(null=True)


class Session(Table):
    """A sign-in that lasts. The cookie holds the token, this row only its SHA-256."""

    id = AutoField()
    token_hash = CharField(unique=True)
    user = ForeignKeyField(User, on_delete="CASCADE", backref="sessions")
    user_id: int
    created_at = FloatField()
    used_at = FloatField()
    expires_at = FloatField()
    address = TextField(default="")
    user_agent = TextField(default="")


class ApiToken(Table):
    """A program's way in, with the rights of a person. Shown once; this row has only its SHA-256."""

    id = AutoField()
    user = ForeignKeyField(User, on_delete="CASCADE", backref="api_tokens")
    user_id: int
    name = TextField()
    token_hash = CharField(unique=True)
    beginning = TextField()
    """The first characters, to be recognised by."""
    scope = TextField()
    """`read` or `write`."""
    created_at = FloatField()
    expires_at = FloatField(null=True)
    used_at = FloatField(null=True)
    address = TextField(default="")


class Idempotency(Table):
    """What a request with an Idempotency-Key was answered; no answer yet while it is carried out."""

    id = AutoField()
    user = ForeignKeyField(User, on_delete="CASCADE")
    user_id: int
    key = TextField()
    fingerprint = TextField()
    started_at = FloatField(index=True)
    sealed_answer = BlobField(null=True)
    """Field name `idempotency.answer` in the secret box."""

    class Meta:
        indexes = ((("user", "key"), True),)


class SetupCode(Table):
    """A one-time code that makes the first admin, or a new one after `gosip admin reset`."""

    id = AutoField()
    code_hash = TextField()
    created_at = FloatField()
    expires_at = FloatField()
    used_at = FloatField(null=True)


class SignInFailure(Table):
    """A failed sign-in, kept as long as it counts for the lock-out."""

    id = AutoField()
    account = TextField()
    """The name that was tried, case-folded, whether it exists or not."""
    address = TextField()
    at = FloatField()


class Audit(Table):
    """Who changed what, and from where. Rows are only ever added."""

    id = AutoField()
    at = FloatField(default=time.time)
    actor = TextField()
    """A user's name, or `gosip` for the command line."""
    source = TextField()
    """An address, `cli` or `system`."""
    action = TextField()
    """A noun and a verb: `device.add`."""
    subject = TextField(default="")
    detail = JsonField()
    """What changed; never a secret."""
