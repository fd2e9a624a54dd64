"""The API token of Cloudflare: where it comes from, and keeping it sealed.

The variable CLOUDFLARE_DNS_API_TOKEN wins over what is stored. Nothing ever gives the token back to a person or a
program that asks: a view has its last four characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from appliance.checks import Check, all_passed
from appliance.cloudflare import TokenMalformed, check_token
from appliance.database.models import Config
from appliance.errors import Conflict, Invalid, KeyUnusable, NotFound, SecretBoxError
from appliance.operations.alarms import Severity, clear_alarm, raise_alarm
from appliance.operations.change import change
from appliance.operations.context import Appliance, Context
from appliance.operations.token_doctor import examine_token
from appliance.secret import Secret
from appliance.secretbox import Purpose
from appliance.settings import Source

ALARM = "cloudflare.token"
FIELD = "config.cloudflare_api_token"
ENDING = 4
MAX_NAMES = 10
NAME = re.compile(r"(?=.{4,240}\Z)(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]")
NO_NAME = "{name!r} is no name in the public DNS. Give one such as phones.example.com."
HOW_MANY = f"Give one to {MAX_NAMES} names."
LOCKED = (
    "The token comes from the variable CLOUDFLARE_DNS_API_TOKEN, with which GoSIP was started, and the variable wins. "
    "Nothing was changed: take the variable away and start GoSIP again."
)
NO_TOKEN = "No Cloudflare token is set. Give one: gosip cloudflare token set"  # noqa: S105 - a message
CANNOT_OPEN = (
    "The stored Cloudflare token cannot be opened. {reason} To enter the token again: gosip cloudflare token set"
)


@dataclass(frozen=True, slots=True)
class TokenView:
    """What may be seen of the token."""

    is_set: bool
    ending: str
    """The last four characters; empty when none is set or it cannot be opened."""
    source: Source
    trouble: str
    """Why a stored token cannot be used, and what to do; empty when all is well."""


def cloudflare_token(appliance: Appliance) -> Secret | None:
    """The token to use. Raises `SecretBoxError` when the stored one cannot be opened."""
    return appliance.settings.cloudflare_dns_api_token or stored_token(appliance)


def token_view(context: Context) -> TokenView:
    """For administrators."""
    context.require_admin()
    is_given = bool(context.appliance.settings.cloudflare_dns_api_token)
    is_stored = bool(Config.get_by_id(1).cloudflare_api_token)
    source = Source.ENVIRONMENT if is_given else Source.DATABASE if is_stored else Source.DEFAULT
    try:
        token = cloudflare_token(context.appliance)
    except SecretBoxError as error:
        return TokenView(is_set=True, ending="", source=source, trouble=CANNOT_OPEN.format(reason=error))
    if token is None:
        return TokenView(is_set=False, ending="", source=source, trouble="")
    return TokenView(is_set=True, ending=token.reveal()[-ENDING:], source=source, trouble="")


def set_cloudflare_token(context: Context, token: Secret | None) -> TokenView:
    """Keep a token, sealed; None removes the stored one. The API is not asked: `check_cloudflare` does that.

    Raises `Invalid` for what cannot be a token, `Conflict` when the environment decides or the key file cannot
    be used, `NotFound` when there is none to remove, or `Forbidden`.
    """
    context.require_admin()
    if token is not None:
        sealed: str | None = sealed_text(context, token)
    elif Config.get_by_id(1).cloudflare_api_token is None:
        raise NotFound("No Cloudflare token is stored.")
    else:
        sealed = None
    with change(context) as now:
        Config.update(cloudflare_api_token=sealed).execute()
        now.audit("cloudflare.token", "", is_set=token is not None)
    # Whatever was found out was about another token.
    clear_alarm(context, ALARM)
    return token_view(context)


def check_cloudflare(context: Context, names: tuple[str, ...]) -> tuple[Check, ...]:
    """Whether the token can do what certificates and DNS records for these names need; takes seconds.

    It adds a TXT record to each zone and takes it away again. Raises `Invalid`, `NotFound` without a token, `Conflict`
    when the stored one cannot be opened, or `Forbidden`.
    """
    context.require_admin()
    wanted = tuple(dict.fromkeys(checked_name(name) for name in names))
    if not 1 <= len(wanted) <= MAX_NAMES:
        raise Invalid({"names": HOW_MANY})
    view = token_view(context)
    if view.trouble:
        raise Conflict(view.trouble)
    token = cloudflare_token(context.appliance)
    if token is None:
        raise NotFound(NO_TOKEN)
    with change(context) as now:
        now.audit("cloudflare.check", ", ".join(wanted))
    checks = examine_token(token, wanted)
    tell_alarm(context, checks)
    return checks


def tell_alarm(context: Context, checks: tuple[Check, ...]) -> None:
    """A check that failed is an alarm until all pass; what could not be found out says nothing about the token."""
    failed = next((check for check in checks if check.ok is False), None)
    if failed is not None:
        raise_alarm(context, ALARM, Severity.ERROR, f"The Cloudflare token does not work. {failed.why}", failed.fix)
    elif all_passed(checks):
        clear_alarm(context, ALARM)


def checked_name(text: str) -> str:
    name = text.strip().lower().removesuffix(".")
    if not NAME.fullmatch(name):
        raise Invalid({"names": NO_NAME.format(name=text[:80])})
    return name


def sealed_text(context: Context, token: Secret) -> str:
    """The column's text of a token that may be stored."""
    if context.appliance.settings.cloudflare_dns_api_token:
        raise Conflict(LOCKED, field="token")
    try:
        check_token(token)
    except TokenMalformed as error:
        raise Invalid({"token": str(error)}) from error
    try:
        box = context.appliance.box(Purpose.SERVICE)
    except KeyUnusable as error:
        raise Conflict(str(error)) from error
    return box.seal_text(FIELD, token)


def stored_token(appliance: Appliance) -> Secret | None:
    text = Config.get_by_id(1).cloudflare_api_token
    return appliance.box(Purpose.SERVICE).open_text(FIELD, text) if text else None
