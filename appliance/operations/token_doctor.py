"""Whether a Cloudflare token has the rights that certificates and DNS records need, proven by using them.

What is wrong with the token is told apart from what is wrong on the way to Cloudflare: only the former is a failed
check. A check that could not be made says why, and those after it are left out.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence

from appliance.checks import Check
from appliance.cloudflare import CloudflareClient, CloudflareError, CloudflareRefused, TokenMalformed, Zone
from appliance.secret import Secret

FORM = "Token is well formed"
KNOWN = "Token is known and active"
LOCATION = "Token may be used from here"
ZONE = "Zone of {name} is visible"
EDIT = "DNS of {zone} can be edited"

NOT_A_USERS_TOKEN = 1000
BAD_HEADERS = 6003
INVALID_TOKEN = 9109
MAKE_ONE = (
    "Make an API token at Cloudflare (My Profile, API Tokens, template Edit zone DNS) and enter it: "
    "gosip cloudflare token set"
)
FROM_LOCATION = "location"


def examine_token(token: Secret, names: Sequence[str], base_url: str = "") -> tuple[Check, ...]:
    """In this order: form, known and active, location, and of each name its zone and the right to edit it.

    Never raises for what Cloudflare or the network does. Takes up to 10 s a question when nobody answers, and asks no
    further then.
    """
    return tuple(examination(token, names, base_url))


def examination(token: Secret, names: Sequence[str], base_url: str) -> Iterator[Check]:
    try:
        client = CloudflareClient(token, base_url)
    except TokenMalformed as error:
        yield Check(FORM, False, str(error), MAKE_ONE)
        return
    yield Check(FORM, True, "It looks like an API token.")
    known = tuple(check_identity(client))
    yield from known
    if all(check.ok for check in known):
        yield from check_names(client, names)


# ---------------------------------------------------------------- the token itself


def check_identity(client: CloudflareClient) -> Iterator[Check]:
    """Whether Cloudflare knows it, and takes it from this address."""
    try:
        why, is_active = state_of(client)
    except CloudflareRefused as error:
        yield from refusals(error)
        return
    except CloudflareError as error:
        yield Check(KNOWN, None, str(error), "Nothing is known to be wrong with the token. Check again later.")
        return
    yield Check(KNOWN, is_active, why, "" if is_active else MAKE_ONE)
    if is_active:
        yield Check(LOCATION, True, "Cloudflare takes it from the address of this machine.")


def state_of(client: CloudflareClient) -> tuple[str, bool]:
    """What is known of it, and whether it may be used."""
    try:
        state = client.token_state()
    except CloudflareRefused as error:
        if NOT_A_USERS_TOKEN not in error.codes:
            raise
        client.zones()  # a token of an account can be verified by using it only
        return "Cloudflare takes it: it belongs to an account.", True
    ends = f" It expires on {state.expires_on[:10]}." if state.expires_on else ""
    if state.status == "active":
        return f"It is active.{ends}", True
    return f"It is {state.status or 'of no known state'}.{ends}", False


def refusals(error: CloudflareRefused) -> Iterator[Check]:
    """The checks that a refused token fails."""
    location = next((text for text in error.codes.values() if FROM_LOCATION in text.lower()), "")
    if location:
        yield Check(KNOWN, True, "Cloudflare knows it.")
        yield Check(
            LOCATION,
            False,
            f"The token is bound to other addresses. Cloudflare says: {location}.",
            "Remove the client IP address filter from the token at Cloudflare, or add the address named there.",
        )
    elif BAD_HEADERS in error.codes:
        yield Check(KNOWN, False, "Cloudflare cannot read it: it is incomplete, or no API token.", MAKE_ONE)
    elif {NOT_A_USERS_TOKEN, INVALID_TOKEN} & error.codes.keys():
        yield Check(KNOWN, False, "Cloudflare does not know it: it was deleted, has expired or is mistyped.", MAKE_ONE)
    else:
        yield Check(KNOWN, False, str(error), MAKE_ONE)


# ---------------------------------------------------------------- what it may do


def check_names(client: CloudflareClient, names: Sequence[str]) -> Iterator[Check]:
    edited: set[str] = set()
    for name in names:
        try:
            zone = client.zone_of(name)
        except CloudflareRefused as error:
            yield Check(ZONE.format(name=name), False, str(error), needed(name, "Zone / Zone / Read"))
            continue
        except CloudflareError as error:
            yield Check(ZONE.format(name=name), None, str(error), "Check again later.")
            return
        yield zone_check(name, zone)
        if zone is not None and zone.id not in edited:
            edited.add(zone.id)
            check = check_edit(client, zone, name)
            yield check
            if check.ok is None:
                return


def zone_check(name: str, zone: Zone | None) -> Check:
    title = ZONE.format(name=name)
    if zone is None:
        return Check(
            title,
            False,
            "The token sees no zone that this name belongs to.",
            f"Is the domain in this Cloudflare account? Then {lower(needed(name, 'Zone / DNS / Edit'))}",
        )
    if zone.status not in ("active", ""):
        return Check(
            title,
            False,
            f"The zone {zone.name} is {zone.status} at Cloudflare: the domain's name servers are not Cloudflare's.",
            "Enter Cloudflare's name servers at the registrar of the domain, and wait until the zone is active.",
        )
    return Check(title, True, f"It belongs to the zone {zone.name}.")


def check_edit(client: CloudflareClient, zone: Zone, name: str) -> Check:
    """Adds a TXT record and takes it away: a right that was not used is not proven."""
    title = EDIT.format(zone=zone.name)
    record = f"_gosip-check.{name.removeprefix('*.')}"
    try:
        made = client.create_record(zone, "TXT", record, f'"gosip-check {secrets.token_hex(8)}"')
    except CloudflareRefused as error:
        missing = "The right Zone / DNS / Edit is missing: a record could not be added."
        return Check(title, False, f"{missing} {error}", needed(zone.name, "Zone / DNS / Edit"))
    except CloudflareError as error:
        return Check(title, None, str(error), "Check again later.")
    try:
        client.delete_record(zone, made)
    except CloudflareError as error:
        return Check(
            title,
            False if isinstance(error, CloudflareRefused) else None,
            f"The record {record} was added, but could not be removed. {error}",
            f"Remove the TXT record {record} at Cloudflare, then check again.",
        )
    return Check(title, True, f"A record {record} was added and removed again.")


def needed(name: str, right: str) -> str:
    return f"Edit the token at Cloudflare: give it the permission {right} for the zone of {name}."


def lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
