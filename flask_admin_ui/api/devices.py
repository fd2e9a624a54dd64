"""Devices, extensions and bindings."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response

from appliance.errors import Conflict, Invalid
from appliance.operations import devices, extensions
from appliance.operations.extensions import UNCHANGED, DeviceView, Unchanged
from appliance.secret import Secret
from flask_admin_ui.api.wire import (
    Body,
    answer,
    answer_page,
    in_sender_words,
    page_request,
    part_of,
    query_text,
    to_json,
)
from flask_admin_ui.errors import ProblemError
from flask_admin_ui.live import LiveBinding, Snapshot
from flask_admin_ui.security.access import admin_only, context, viewer
from flask_admin_ui.services import services

blueprint = Blueprint("api_devices", __name__, url_prefix="/api")


def device_json(device: DeviceView, live: Snapshot) -> dict[str, Any]:
    """A device with its live state; `online` is null while nobody knows."""
    shown: dict[str, Any] = to_json(device)
    shown["online"] = bool(live.online(device.username)) if live.reachable else None
    shown["bindings"] = [to_json(binding) for binding in live.bindings.get(device.username, ())]
    return shown


@blueprint.get("/devices")
def index() -> Response:
    live = services().daemon.snapshot()
    page = devices.list_devices(
        context(), page_request(), search=query_text("search"), number=query_text("number") or None
    )
    return answer_page(page, lambda device: device_json(device, live))


@blueprint.post("/devices")
@admin_only
def add() -> Response:
    """The answer is the only one that ever holds the password."""
    body = Body("number", "name", "username", "label", "password", "ownerId")
    number, name, username = body.text("number", needed=True), body.text("name"), body.text("username")
    label, password, owner_id = body.text("label"), body.text("password"), body.number("ownerId")
    body.finish()
    try:
        made = devices.add_device(
            context(),
            number or "",
            name=name,
            username=username,
            label=label or "",
            password=Secret(password) if password else None,
            owner_id=owner_id,
        )
    except (Invalid, Conflict) as error:
        raise in_sender_words(error) from error
    return with_password(made, 201)


def with_password(made: devices.NewDevice, status: int) -> Response:
    shown = device_json(made.device, services().daemon.snapshot())
    return answer({**shown, "password": made.password.reveal()}, status)


@blueprint.get("/devices/<username>")
def show(username: str) -> Response:
    return answer(device_json(devices.get_device(context(), username), services().daemon.snapshot()))


@blueprint.patch("/devices/<username>")
@admin_only
def edit(username: str) -> Response:
    body = Body("label", "enabled")
    label, enabled = body.text("label"), body.boolean("enabled")
    body.finish()
    try:
        device = devices.edit_device(context(), username, label=label, enabled=enabled)
    except (Invalid, Conflict) as error:
        raise in_sender_words(error) from error
    return answer(device_json(device, services().daemon.snapshot()))


@blueprint.post("/devices/<username>/password")
@admin_only
def renew_password(username: str) -> Response:
    return with_password(devices.set_password(context(), username), 200)


@blueprint.delete("/devices/<username>")
@admin_only
def remove(username: str) -> Response:
    """The extension stays: it is removed under its own address."""
    devices.remove_device(context(), username)
    return Response(status=204)


@blueprint.get("/extensions")
def list_extensions() -> Response:
    return answer_page(extensions.list_extensions(context(), page_request(), search=query_text("search")))


@blueprint.post("/extensions")
@admin_only
def add_extension() -> Response:
    body = Body("number", "name", "ownerId", "ringSeconds")
    number, name = body.text("number", needed=True), body.text("name")
    owner_id, ring_seconds = body.number("ownerId"), body.number("ringSeconds")
    body.finish()
    more = {} if ring_seconds is None else {"ring_seconds": ring_seconds}
    try:
        made = extensions.add_extension(context(), number or "", name=name or "", owner_id=owner_id, **more)
    except (Invalid, Conflict) as error:
        raise in_sender_words(error) from error
    return answer(made, 201)


@blueprint.get("/extensions/<number>")
def show_extension(number: str) -> Response:
    return answer(extensions.get_extension(context(), number))


@blueprint.patch("/extensions/<number>")
@admin_only
def edit_extension(number: str) -> Response:
    """What is given changes; an `ownerId` of null takes the owner away."""
    body = Body("number", "name", "ownerId", "enabled", "ringSeconds")
    new_number, name, enabled = body.text("number"), body.text("name"), body.boolean("enabled")
    ring_seconds = body.number("ringSeconds")
    owner_id: int | Unchanged | None = body.number("ownerId") if "ownerId" in body else UNCHANGED
    body.finish()
    try:
        changed = extensions.edit_extension(
            context(),
            number,
            new_number=new_number,
            name=name,
            owner_id=owner_id,
            enabled=enabled,
            ring_seconds=ring_seconds,
        )
    except (Invalid, Conflict) as error:
        raise in_sender_words(error) from error
    return answer(changed)


@blueprint.delete("/extensions/<number>")
@admin_only
def remove_extension(number: str) -> Response:
    """With all of its devices."""
    extensions.remove_extension(context(), number)
    return Response(status=204)


@blueprint.get("/bindings")
def bindings() -> Response:
    """Where phones are registered right now."""
    live = services().daemon.snapshot()
    if not live.reachable:
        raise ProblemError(503, live.reason)
    return answer_page(part_of(visible_bindings(live), page_request()))


def visible_bindings(live: Snapshot) -> list[LiveBinding]:
    known = [binding for several in live.bindings.values() for binding in several]
    if viewer().is_admin:
        return known
    numbers = frozenset(extensions.own_numbers(context()))
    return [binding for binding in known if binding.extension in numbers]
