"""Extensions: the numbers that people dial. Each has an owner, perhaps, and rings all of its devices.

A person with the role `user` sees the extensions of which it is the owner, and learns nothing of others: for it they
do not exist.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from peewee import fn

from appliance.database.models import Device, Extension, Removal, User
from appliance.database.models.configuration import DEFAULT_RING_SECONDS
from appliance.errors import Conflict, Invalid, NotFound
from appliance.operations import checks
from appliance.operations.change import Change, check_unchanged, configuration_change, fingerprint
from appliance.operations.checks import Checks
from appliance.operations.context import Context
from appliance.operations.paging import FIRST_PAGE, Page, PageRequest, paged


class Unchanged(Enum):
    """Stands for a field that stays as it is, where None means something."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED

NO_SUCH_NUMBER = "There is no extension {number}."
NO_SUCH_OWNER = "There is no such user."
NUMBER_TAKEN = "The number {number} exists already."
NUMBER_IS_USERNAME = "{number} is the username of a device of extension {other}; people dial devices by it."


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A device as it is shown: no secret in it."""

    id: int
    username: str
    label: str
    enabled: bool
    extension_id: int
    number: str
    """Of its extension."""
    name: str
    """Of its extension."""
    created_at: float
    changed_at: float

    @property
    def fingerprint(self) -> str:
        """Of what `edit_device` changes."""
        return fingerprint(self.label, self.enabled)


@dataclass(frozen=True, slots=True)
class ExtensionView:
    """An extension with its devices."""

    id: int
    number: str
    name: str
    owner_id: int | None
    owner: str | None
    """Name of the user it belongs to."""
    enabled: bool
    ring_seconds: int
    created_at: float
    devices: tuple[DeviceView, ...]

    @property
    def fingerprint(self) -> str:
        """Of what `edit_extension` changes."""
        return fingerprint(self.number, self.name, self.owner_id, self.enabled, self.ring_seconds)


def add_extension(
    context: Context,
    number: str,
    *,
    name: str = "",
    owner_id: int | None = None,
    ring_seconds: int = DEFAULT_RING_SECONDS,
) -> ExtensionView:
    """A number without a device yet. Raises `Invalid`, `Conflict` or `Forbidden`."""
    context.require_admin()
    with configuration_change(context) as change:
        row = insert_extension(change, number, name=name, owner_id=owner_id, ring_seconds=ring_seconds)
        change.audit("extension.add", row.number, name=row.name)
    return view_of(row)


def insert_extension(change: Change, number: str, *, name: str, owner_id: int | None, ring_seconds: int) -> Extension:
    """Inside a change."""
    check = Checks()
    number = check.take("number", checks.number, number)
    name = check.take("name", checks.name, name)
    ring_seconds = check.take("ring_seconds", checks.ring_seconds, ring_seconds)
    check.finish()
    check_number_is_free(number)
    check_owner(owner_id)
    return Extension.create(
        number=number,
        name=name,
        owner=owner_id,
        ring_seconds=ring_seconds,
        created_at=change.context.now,
        revision=change.revision,
    )


def edit_extension(
    context: Context,
    number: str,
    *,
    new_number: str | None = None,
    name: str | None = None,
    owner_id: int | Unchanged | None = UNCHANGED,
    enabled: bool | None = None,
    ring_seconds: int | None = None,
    seen: str = "",
) -> ExtensionView:
    """Change what is given; None leaves a field as it is, but an owner of None takes the owner away.

    `seen` is the fingerprint of what the change was decided on. Raises `Conflict` when that is no longer so.
    """
    context.require_admin()
    with configuration_change(context) as change:
        row = find_extension(context, number)
        check_unchanged(view_of(row).fingerprint, seen)
        wanted = wanted_values(row, new_number, name, enabled, ring_seconds)
        if owner_id is not UNCHANGED:
            check_owner(owner_id)
            wanted["owner_id"] = owner_id
        changed = {key: value for key, value in wanted.items() if getattr(row, key) != value}
        if not changed:
            return view_of(row)
        if "number" in changed:
            check_number_is_free(changed["number"], besides=row)
            Removal.create(kind="extension", key=row.number, revision=change.revision)
        Extension.update(**changed, revision=change.revision).where(Extension.number == row.number).execute()
        if "number" in changed:
            # Devices carry their extension's number in the daemon's memory: they count as changed.
            Device.update(revision=change.revision).where(Device.extension == row).execute()
        change.audit("extension.edit", number, **changed)
    return get_extension(context, str(changed.get("number", number)))


def wanted_values(
    row: Extension, number: str | None, name: str | None, enabled: bool | None, ring_seconds: int | None
) -> dict[str, Any]:
    check = Checks()
    wanted: dict[str, Any] = {
        "number": check.take("number", checks.number, row.number if number is None else number),
        "name": check.take("name", checks.name, row.name if name is None else name),
        "enabled": row.enabled if enabled is None else enabled,
        "ring_seconds": check.take(
            "ring_seconds", checks.ring_seconds, row.ring_seconds if ring_seconds is None else ring_seconds
        ),
    }
    check.finish()
    return wanted


def remove_extension(context: Context, number: str, *, seen: str = "") -> None:
    """Remove it with all of its devices. `seen` as in `edit_extension`."""
    context.require_admin()
    with configuration_change(context) as change:
        row = find_extension(context, number)
        check_unchanged(view_of(row).fingerprint, seen)
        devices = [device.username for device in row.devices]
        delete_extension(change, row)
        change.audit("extension.remove", number, devices=devices)


def delete_extension(change: Change, row: Extension) -> None:
    """Inside a change."""
    for device in row.devices:
        Removal.create(kind="device", key=device.username, revision=change.revision)
    Removal.create(kind="extension", key=row.number, revision=change.revision)
    row.delete_instance()


def get_extension(context: Context, number: str) -> ExtensionView:
    """Raises `NotFound`, also for one that belongs to somebody else."""
    return view_of(find_extension(context, number))


def list_extensions(context: Context, page: PageRequest = FIRST_PAGE, *, search: str = "") -> Page[ExtensionView]:
    """By number. `search` finds part of a number, name or device's username."""
    query = visible(context).order_by(fn.LENGTH(Extension.number), Extension.number)
    if search.strip():
        text = search.strip()
        by_device = Device.select(Device.extension).where(Device.username.contains(text))
        query = query.where(
            Extension.number.contains(text) | Extension.name.contains(text) | Extension.id.in_(by_device)
        )
    result = paged(query, page, lambda row: row)
    return Page(tuple(views_of(result.rows)), result.total, result.number, result.size)


def own_numbers(context: Context) -> tuple[str, ...]:
    """The numbers of which the actor is the owner."""
    if context.actor.user_id is None:
        return ()
    rows = Extension.select(Extension.number).where(Extension.owner == context.actor.user_id)
    return tuple(row.number for row in rows)


def visible(context: Context) -> Any:
    """The extensions that the actor may see, as a query."""
    query = Extension.select()
    return query if context.is_admin else query.where(Extension.owner == (context.actor.user_id or 0))


def find_extension(context: Context, number: str) -> Extension:
    row: Extension | None = visible(context).where(Extension.number == number).first()
    if row is None:
        raise NotFound(NO_SUCH_NUMBER.format(number=number))
    return row


def check_number_is_free(number: str, besides: Extension | None = None) -> None:
    taken = Extension.get_or_none(Extension.number == number)
    if taken is not None and taken != besides:
        raise Conflict(NUMBER_TAKEN.format(number=number), field="number")
    device = Device.get_or_none(Device.username == number)
    if device is not None and device.extension != besides:
        text = NUMBER_IS_USERNAME.format(number=number, other=device.extension.number)
        raise Conflict(text, field="number")


def check_owner(owner_id: int | None) -> None:
    if owner_id is not None and User.get_or_none(User.id == owner_id) is None:
        raise Invalid({"owner_id": NO_SUCH_OWNER})


def views_of(rows: Iterable[Extension]) -> Iterable[ExtensionView]:
    """Views of many rows with two more queries in all."""
    rows = list(rows)
    devices: dict[int, list[Device]] = {row.id: [] for row in rows}
    for device in Device.select().where(Device.extension.in_(list(devices))).order_by(Device.username):
        devices[device.extension_id].append(device)
    owners = {row.owner_id for row in rows if row.owner_id is not None}
    names = {user.id: user.name for user in User.select().where(User.id.in_(owners))}
    for row in rows:
        yield ExtensionView(
            id=row.id,
            number=row.number,
            name=row.name,
            owner_id=row.owner_id,
            owner=None if row.owner_id is None else names.get(row.owner_id),
            enabled=row.enabled,
            ring_seconds=row.ring_seconds,
            created_at=row.created_at,
            devices=tuple(device_view(device, row) for device in devices[row.id]),
        )


def view_of(row: Extension) -> ExtensionView:
    (view,) = views_of([row])
    return view


def device_view(device: Device, extension: Extension) -> DeviceView:
    return DeviceView(
        id=device.id,
        username=device.username,
        label=device.label,
        enabled=device.enabled,
        extension_id=extension.id,
        number=extension.number,
        name=extension.name,
        created_at=device.created_at,
        changed_at=device.changed_at,
    )
