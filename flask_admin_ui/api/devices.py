"""Devices and their passwords."""

from __future__ import annotations

from typing import Annotated, Any

from flask import Blueprint, url_for
from pydantic import Field

from appliance.operations import checks, devices
from appliance.operations.extensions import DeviceView
from appliance.secret import Secret
from flask_admin_ui.api.lists import PageQuery, Search, listed
from flask_admin_ui.api.operation import Answer, if_match, operation
from flask_admin_ui.live import Snapshot
from flask_admin_ui.security.access import context
from flask_admin_ui.services import services
from flask_admin_ui.shapes import Input, Integer, Listing, Moment, Output, checked_by

blueprint = Blueprint("api_devices", __name__, url_prefix="/api")

Number = Annotated[str, *checked_by(checks.number, pattern="^[0-9]{1,15}$")]
Username = Annotated[str, *checked_by(checks.username, pattern="^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")]
Name = Annotated[str, *checked_by(checks.name, maxLength=checks.MAX_NAME, pattern=checks.PRINTABLE)]


class NewDevice(Input):
    """A phone to be added; its number is made when it is new."""

    number: Number
    name: Name | None = Field(None, description="Of the number: whose phone it is.")
    username: Username | None = Field(None, description="The first phone of a number is called like the number.")
    label: Name | None = Field(None, description="Which phone it is: kitchen, desk.")
    password: str | None = Field(None, description="A strong one is made when there is none.")
    owner_id: Integer | None = Field(None, description="The user to whom the number belongs.")


class DeviceChange(Input):
    """What is given changes."""

    label: Name | None = None
    enabled: bool | None = Field(None, description="Whether it may register and call.")


class Binding(Output):
    """A contact that a phone has registered."""

    username: str
    extension: str
    contact: str
    transport: str
    remote: str
    user_agent: str
    registered_at: Moment | None
    expires_in: float = Field(description="Seconds.")
    reachable: bool = Field(description="Whether calls are sent there.")
    trouble: str = Field(description="Why not, in words; empty when it is reachable.")


class StoredDevice(Output):
    """A phone as it is stored."""

    id: int
    username: str
    label: str
    enabled: bool
    extension_id: int
    number: str
    name: str
    created_at: Moment
    changed_at: Moment


class Device(StoredDevice):
    """A phone with its live state."""

    online: bool | None = Field(description="null while the phone system does not answer.")
    bindings: list[Binding]


class DeviceWithPassword(Device):
    """The only answer that ever holds the password."""

    password: str


class DeviceQuery(PageQuery, Search):
    number: str | None = Field(None, max_length=200, description="Only the phones of this number.")


def with_live(device: DeviceView, live: Snapshot, **more: Any) -> dict[str, Any]:
    """A device with its live state; `online` is None while nobody knows."""
    stored = {name: getattr(device, name) for name in StoredDevice.model_fields}
    online = bool(live.online(device.username)) if live.reachable else None
    return {**stored, "online": online, "bindings": live.bindings.get(device.username, ()), **more}


@blueprint.get("/devices")
@operation("List the phones", query=DeviceQuery, gives=Listing[Device])
def index(query: DeviceQuery) -> Any:
    live = services().daemon.snapshot()
    page = devices.list_devices(context(), query.wanted, search=query.search, number=query.number or None)
    return listed(page, lambda device: with_live(device, live))


@blueprint.post("/devices")
@operation("Add a phone", takes=NewDevice, gives=DeviceWithPassword, status=201, admin=True, clashes=True)
def add(body: NewDevice) -> Any:
    """The answer is the only one that ever holds the password."""
    made = devices.add_device(
        context(),
        body.number,
        name=body.name,
        username=body.username,
        label=body.label or "",
        password=Secret(body.password) if body.password else None,
        owner_id=body.owner_id,
    )
    address = url_for("api_devices.show", username=made.device.username)
    return Answer(with_password(made), etag=made.device.fingerprint, headers={"Location": address})


def with_password(made: devices.NewDevice) -> dict[str, Any]:
    return with_live(made.device, services().daemon.snapshot(), password=made.password.reveal())


@blueprint.get("/devices/<username>")
@operation("Show a phone", gives=Device)
def show(username: str) -> Any:
    device = devices.get_device(context(), username)
    return Answer(with_live(device, services().daemon.snapshot()), etag=device.fingerprint)


@blueprint.patch("/devices/<username>")
@operation("Change a phone", takes=DeviceChange, gives=Device, admin=True, guarded=True)
def edit(username: str, body: DeviceChange) -> Any:
    device = devices.edit_device(context(), username, label=body.label, enabled=body.enabled, seen=if_match())
    return Answer(with_live(device, services().daemon.snapshot()), etag=device.fingerprint)


@blueprint.post("/devices/<username>/password")
@operation("Give a phone a new password", gives=DeviceWithPassword, admin=True)
def renew_password(username: str) -> Any:
    """It is shown in this answer and never again; the phone registers only with the new one."""
    return with_password(devices.set_password(context(), username))


@blueprint.delete("/devices/<username>")
@operation("Remove a phone", status=204, admin=True, guarded=True)
def remove(username: str) -> Any:
    """Its registrations end. The number stays: it is removed under its own address."""
    devices.remove_device(context(), username, seen=if_match())
