"""Extensions: the numbers that people dial. And where phones are registered right now."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint, url_for
from pydantic import Field

from appliance.operations import checks, extensions
from appliance.operations.extensions import UNCHANGED
from flask_admin_ui.api.devices import Binding, Name, Number, StoredDevice
from flask_admin_ui.api.lists import PageQuery, Search, listed, part_of
from flask_admin_ui.api.operation import Answer, if_match, operation
from flask_admin_ui.errors import ProblemError
from flask_admin_ui.live import LiveBinding, Snapshot
from flask_admin_ui.security.access import context, viewer
from flask_admin_ui.services import services
from flask_admin_ui.shapes import Input, Integer, Listing, Moment, Output, checked_by

blueprint = Blueprint("api_extensions", __name__, url_prefix="/api")

RingSeconds = Annotated[
    int, *checked_by(checks.ring_seconds, minimum=checks.MIN_RING_SECONDS, maximum=checks.MAX_RING_SECONDS)
]


class NewExtension(Input):
    """A number to be added."""

    number: Number
    name: Name | None = None
    owner_id: Integer | None = Field(None, description="The user to whom it belongs.")
    ring_seconds: RingSeconds | None = None


class ExtensionChange(Input):
    """What is given changes; an `ownerId` of null takes the owner away."""

    number: Number | None = None
    name: Name | None = None
    owner_id: Integer | None = None
    enabled: bool | None = None
    ring_seconds: RingSeconds | None = None


class Extension(Output):
    """A number with its phones."""

    id: int
    number: str
    name: str
    owner_id: int | None
    owner: str | None = Field(description="The name of the user to whom it belongs.")
    enabled: bool
    ring_seconds: int
    created_at: Moment
    devices: list[StoredDevice]


class ExtensionQuery(PageQuery, Search):
    pass


@blueprint.get("/extensions")
@operation("List the numbers", query=ExtensionQuery, gives=Listing[Extension])
def index(query: ExtensionQuery) -> Any:
    return listed(extensions.list_extensions(context(), query.wanted, search=query.search))


@blueprint.post("/extensions")
@operation("Add a number", takes=NewExtension, gives=Extension, status=201, admin=True, clashes=True)
def add(body: NewExtension) -> Any:
    more = {} if body.ring_seconds is None else {"ring_seconds": body.ring_seconds}
    made = extensions.add_extension(context(), body.number, name=body.name or "", owner_id=body.owner_id, **more)
    address = url_for("api_extensions.show", number=made.number)
    return Answer(made, etag=made.fingerprint, headers={"Location": address})


@blueprint.get("/extensions/<number>")
@operation("Show a number", gives=Extension)
def show(number: str) -> Any:
    found = extensions.get_extension(context(), number)
    return Answer(found, etag=found.fingerprint)


@blueprint.patch("/extensions/<number>")
@operation("Change a number", takes=ExtensionChange, gives=Extension, admin=True, clashes=True, guarded=True)
def edit(number: str, body: ExtensionChange) -> Any:
    changed = extensions.edit_extension(
        context(),
        number,
        new_number=body.number,
        name=body.name,
        owner_id=body.owner_id if "owner_id" in body.model_fields_set else UNCHANGED,
        enabled=body.enabled,
        ring_seconds=body.ring_seconds,
        seen=if_match(),
    )
    return Answer(changed, etag=changed.fingerprint)


@blueprint.delete("/extensions/<number>")
@operation("Remove a number", status=204, admin=True, guarded=True)
def remove(number: str) -> Any:
    """With all of its phones."""
    extensions.remove_extension(context(), number, seen=if_match())


@blueprint.get("/bindings")
@operation("List the registrations", query=PageQuery, gives=Listing[Binding])
def bindings(query: PageQuery) -> Any:
    """Where phones are registered right now."""
    live = services().daemon.snapshot()
    if not live.reachable:
        raise ProblemError(503, live.reason)
    return part_of(visible_bindings(live), query)


def visible_bindings(live: Snapshot) -> list[LiveBinding]:
    known = [binding for several in live.bindings.values() for binding in several]
    if viewer().is_admin:
        return known
    numbers = frozenset(extensions.own_numbers(context()))
    return [binding for binding in known if binding.extension in numbers]
