"""What the fields of our nouns may contain. All faults of a form are gathered before one `Invalid` is raised."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from appliance.errors import Invalid
from appliance.secret import Secret

Value = TypeVar("Value")

NUMBER = re.compile(r"[0-9]{1,15}")
USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
USER_NAME = re.compile(r"[\w][\w.@+-]{0,63}")
MAX_NAME = 80
MIN_PASSWORD = 8
MAX_SIP_PASSWORD = 128
MAX_PASSWORD = 1024
MIN_RING_SECONDS, MAX_RING_SECONDS = 5, 180
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
PRINTABLE = r"^[^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
PRINTABLE_NOT_BLANK = r"^[^\s\u0000-\u001f\u007f-\u009f\u2028\u2029][^\u0000-\u001f\u007f-\u009f\u2028\u2029]*$"
"""The patterns of a text without these, as programs read them."""


class Refused(ValueError):
    """A value is not allowed; the message says what is."""


class Checks:
    """Gathers the faults of several fields."""

    def __init__(self) -> None:
        self._details: dict[str, str] = {}

    def take(self, field: str, check: Callable[[Value], Value], value: Value) -> Value:
        """The checked value; a fault is kept, and the value returned as it came."""
        try:
            return check(value)
        except Refused as error:
            self._details.setdefault(field, str(error))
            return value

    def finish(self) -> None:
        """Raises `Invalid` when there was a fault."""
        if self._details:
            raise Invalid(self._details)


def number(value: str) -> str:
    """The number of an extension: digits, as ITU-T E.164 allows. Codes with a star belong to services."""
    if not NUMBER.fullmatch(value.strip()):
        raise Refused("A number has 1 to 15 digits and nothing else.")
    return value.strip()


def username(value: str) -> str:
    """The SIP username of a device: what needs no escaping in a URI (RFC 3261 §25.1)."""
    if not USERNAME.fullmatch(value.strip()):
        raise Refused("A username has 1 to 64 characters: letters without accents, digits, and . _ + - inside.")
    return value.strip()


def name(value: str) -> str:
    """A display name or a label; may be empty."""
    if len(value.strip()) > MAX_NAME or UNPRINTABLE.search(value):
        raise Refused(f"It has at most {MAX_NAME} characters, all of them printable.")
    return value.strip()


def ring_seconds(value: int) -> int:
    if not MIN_RING_SECONDS <= value <= MAX_RING_SECONDS:
        raise Refused(f"Allowed are {MIN_RING_SECONDS} to {MAX_RING_SECONDS} seconds.")
    return value


def sip_password(value: Secret) -> Secret:
    """A password that a phone's menu and a digest can carry."""
    text = value.reveal()
    if not MIN_PASSWORD <= len(text) <= MAX_SIP_PASSWORD or not text.isascii() or not text.isprintable():
        raise Refused(f"A SIP password has {MIN_PASSWORD} to {MAX_SIP_PASSWORD} characters: letters, digits, signs.")
    return value


def user_name(value: str) -> str:
    """The name of a person who signs in; case-folded, so that nobody can take a look-alike."""
    if not USER_NAME.fullmatch(value.strip()):
        raise Refused("A user name has 1 to 64 characters: letters, digits, and . _ @ + - inside.")
    return value.strip().casefold()


def password(value: Secret) -> Secret:
    """A person's password. Length is what counts; the limit keeps hashing cheap."""
    text = value.reveal()
    if len(text) < MIN_PASSWORD:
        raise Refused(f"A password has at least {MIN_PASSWORD} characters.")
    if len(text) > MAX_PASSWORD:
        raise Refused(f"A password has at most {MAX_PASSWORD} characters.")
    return value
