"""The addresses that are kept out; for administrators."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Blueprint
from pydantic import Field

from appliance.operations.bans import LONGEST_SECONDS, MAX_NOTE
from flask_admin_ui.api.lists import PageQuery, part_of
from flask_admin_ui.api.operation import operation
from flask_admin_ui.pages.bans import ban_source, known_bans, unban_source
from flask_admin_ui.shapes import Input, Listing, Moment, Output

blueprint = Blueprint("api_bans", __name__, url_prefix="/api/bans")


class Ban(Output):
    """An address that is banned, muted or slowed down."""

    source: str = Field(description="An IPv4 address or an IPv6 /64.")
    state: Literal["banned", "muted", "slowed"] = Field(
        description="muted: for half a minute, it may be forged; slowed: registered phones are there."
    )
    reason: Literal["wrong-credentials", "scanning", "malformed", "manual"]
    since: Moment
    until: Moment | None = Field(description="Null: until somebody ends it.")
    count: int = Field(ge=0, description="How many bans of it there were lately.")
    blocked: int = Field(ge=0, description="How often it was turned away since then.")
    note: str


ADDRESS: dict[str, Any] = {
    "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}, {"pattern": "^(?:[0-9A-Fa-f]{1,4}:){1,4}:/64$"}]
}
Source = Annotated[str, Field(json_schema_extra=ADDRESS)]


class NewBan(Input):
    """An address to keep out."""

    source: Source = Field(max_length=100, description="One IPv4 address, or an IPv6 address or /64.")
    seconds: int | None = Field(None, ge=1, le=LONGEST_SECONDS, description="Null: for good.")
    note: str = Field("", max_length=MAX_NOTE, description="Why, for whoever reads the list.")
    force: bool = Field(False, description="Also when phones are registered from there.")


@blueprint.get("")
@operation("List the banned addresses", query=PageQuery, gives=Listing[Ban], admin=True)
def index(query: PageQuery) -> Any:
    """The latest first."""
    return part_of(known_bans(), query)


@blueprint.post("")
@operation("Ban an address", takes=NewBan, gives=Ban, status=201, admin=True, clashes=True)
def add(body: NewBan) -> Any:
    """Refused with 409 where phones are registered or the network is trusted, unless `force` says that it is meant."""
    return ban_source(body.source, body.seconds, body.note, force=body.force)


@blueprint.delete("/<path:source>")
@operation("Let an address in again", status=204, admin=True)
def remove(source: str) -> Any:
    unban_source(source)
