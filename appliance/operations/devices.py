"""Devices: the phones of an extension, each with an account of its own that can be revoked alone.

A password is shown once, when it is made; afterwards there are its digest hashes for the daemon, and the sealed text
for provisioning and for a new realm.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

from peewee import fn

from appliance.database.models import Device, Extension, Removal
from appliance.database.models.configuration import DEFAULT_RING_SECONDS
from appliance.errors import Conflict, Invalid, NotFound
from appliance.operations import checks
from appliance.operations.change import Change, check_unchanged, configuration_change
from appliance.operations.checks import Checks
from appliance.operations.context import Appliance, Context
from appliance.operations.extensions import (
    DeviceView,
    delete_extension,
    device_view,
    insert_extension,
)
from appliance.operations.paging import FIRST_PAGE, Page, PageRequest, paged
from appliance.passwords import generate_password, ha1_md5, ha1_sha256
from appliance.secret import Secret
from appliance.secretbox import Purpose, SecretBox

PASSWORD_FIELD = "device.password"  # noqa: S105 - the field's name in the secret box

NO_SUCH_DEVICE = "There is no device {username}."
USERNAME_TAKEN = "The username {username} is in use by a device of extension {number}."
USERNAME_IS_NUMBER = "{username} is the number of another extension; people would not know whom they dial."
PASSWORD_IS_NAME = "The password must not be the number or the username."  # noqa: S105


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A device with its password: the one moment at which it can be seen."""

    device: DeviceView
    password: Secret
    was_generated: bool


@dataclass(frozen=True, slots=True)
class Credentials:
    """What is stored of a password."""

    ha1_md5: str
    ha1_sha256: str
    sealed_password: bytes

    @classmethod
    def of(cls, username: str, realm: str, password: Secret, box: SecretBox) -> Credentials:
        return cls(
            ha1_md5(username, realm, password),
            ha1_sha256(username, realm, password),
            box.seal(PASSWORD_FIELD, password),
        )

    @property
    def columns(self) -> dict[str, Any]:
        return {
            "ha1_md5": self.ha1_md5,
            "ha1_sha256": self.ha1_sha256,
            "sealed_password": self.sealed_password,
        }


def add_device(
    context: Context,
    number: str,
    *,
    name: str | None = None,
    username: str | None = None,
    label: str = "",
    password: Secret | None = None,
    owner_id: int | None = None,
) -> NewDevice:
    """A new device of that number; the extension is made when it is not there.

    Without a username the first device gets the number, later ones number-2, number-3 ... Without a password a strong
    one is generated. `name` and `owner_id` belong to the extension; a name given for one that is there replaces its
    name. Raises `Invalid`, `Conflict`, `Forbidden`.
    """
    context.require_admin()
    check = Checks()
    number = check.take("number", checks.number, number)
    name = check.take("name", checks.name, name) if name is not None else None
    label = check.take("label", checks.name, label)
    username = check.take("username", checks.username, username) if username else None
    chosen = check.take("password", checks.sip_password, password) if password is not None else generate_password()
    check.finish()
    box = context.appliance.box(Purpose.DEVICE)
    with configuration_change(context) as change:
        extension = extension_for(change, number, name, owner_id)
        username = username or free_username(number)
        check_username_is_free(username, extension)
        check_password_is_no_name(chosen, number, username)
        credentials = Credentials.of(username, context.appliance.realm, chosen, box)
        device = Device.create(
            extension=extension,
            username=username,
            label=label,
            created_at=context.now,
            changed_at=context.now,
            revision=change.revision,
            **credentials.columns,
        )
        change.audit("device.add", username, number=number)
    return NewDevice(device_view(device, extension), chosen, password is None)


def extension_for(change: Change, number: str, name: str | None, owner_id: int | None) -> Extension:
    row = Extension.get_or_none(Extension.number == number)
    if row is None:
        return insert_extension(change, number, name=name or "", owner_id=owner_id, ring_seconds=DEFAULT_RING_SECONDS)
    if name is not None and name != row.name:
        row.name, row.revision = name, change.revision
        row.save()
    return row


def free_username(number: str) -> str:
    rows = Device.select(Device.username).where(Device.username.startswith(number))
    return first_free(number, {row.username.lower() for row in rows})


def edit_device(
    context: Context, username: str, *, label: str | None = None, enabled: bool | None = None, seen: str = ""
) -> DeviceView:
    """Change what is given. A disabled device can neither register nor call.

    `seen` is the fingerprint of what the change was decided on. Raises `Conflict` when that is no longer so.
    """
    context.require_admin()
    check = Checks()
    label = check.take("label", checks.name, label) if label is not None else None
    check.finish()
    with configuration_change(context) as change:
        row = find_device(context, username)
        check_unchanged(device_view(row, row.extension).fingerprint, seen)
        wanted = {"label": label, "enabled": enabled}
        changed = {key: value for key, value in wanted.items() if value is not None and getattr(row, key) != value}
        if changed:
            store(row, change, **changed)
            change.audit("device.edit", username, **changed)
    return device_view(row, row.extension)


def set_password(context: Context, username: str, password: Secret | None = None) -> NewDevice:
    """A new password; generated when none is given. The phone registers again only with the new one."""
    context.require_admin()
    check = Checks()
    chosen = check.take("password", checks.sip_password, password) if password is not None else generate_password()
    check.finish()
    box = context.appliance.box(Purpose.DEVICE)
    with configuration_change(context) as change:
        row = find_device(context, username)
        check_password_is_no_name(chosen, row.extension.number, username)
        credentials = Credentials.of(row.username, context.appliance.realm, chosen, box)
        store(row, change, **credentials.columns)
        change.audit("device.password", username)
    return NewDevice(device_view(row, row.extension), chosen, password is None)


def remove_device(context: Context, username: str, *, with_empty_extension: bool = False, seen: str = "") -> None:
    """Remove a device: its registrations end. Its extension stays, unless asked otherwise and it was the last one.

    `seen` as in `edit_device`.
    """
    context.require_admin()
    with configuration_change(context) as change:
        row = find_device(context, username)
        extension = row.extension
        check_unchanged(device_view(row, extension).fingerprint, seen)
        Removal.create(kind="device", key=row.username, revision=change.revision)
        row.delete_instance()
        is_empty = not extension.devices.exists()
        if is_empty and with_empty_extension:
            delete_extension(change, extension)
        else:
            # The extension's list of devices changed.
            extension.revision = change.revision
            extension.save()
        change.audit(
            "device.remove", username, number=extension.number, extension_removed=is_empty and with_empty_extension
        )


def get_device(context: Context, username: str) -> DeviceView:
    """Raises `NotFound`, also for one that belongs to somebody else."""
    row = find_device(context, username)
    return device_view(row, row.extension)


def list_devices(
    context: Context, page: PageRequest = FIRST_PAGE, *, search: str = "", number: str | None = None
) -> Page[DeviceView]:
    """By number and username. `search` finds part of a username, number, name or label."""
    query = visible(context).order_by(fn.LENGTH(Extension.number), Extension.number, Device.username)
    if number is not None:
        query = query.where(Extension.number == number)
    if search.strip():
        text = search.strip()
        query = query.where(
            Device.username.contains(text)
            | Device.label.contains(text)
            | Extension.number.contains(text)
            | Extension.name.contains(text)
        )
    return paged(query, page, lambda row: device_view(row, row.extension))


def all_devices(context: Context) -> list[DeviceView]:
    """All at once, for the command line and exports."""
    query = visible(context).order_by(fn.LENGTH(Extension.number), Extension.number, Device.username)
    return [device_view(row, row.extension) for row in query]


def visible(context: Context) -> Any:
    """The devices that the actor may see, with their extensions, as a query."""
    query = Device.select(Device, Extension).join(Extension)
    return query if context.is_admin else query.where(Extension.owner == (context.actor.user_id or 0))


def find_device(context: Context, username: str) -> Device:
    row: Device | None = visible(context).where(Device.username == username).first()
    if row is None:
        raise NotFound(NO_SUCH_DEVICE.format(username=username))
    return row


def store(row: Device, change: Change, **columns: Any) -> None:
    for name, value in columns.items():
        setattr(row, name, value)
    row.changed_at, row.revision = change.context.now, change.revision
    row.save()
    # The extension lists its enabled devices: it changes with them.
    Extension.update(revision=change.revision).where(Extension.number == row.extension.number).execute()


def reveal_password(appliance: Appliance, row: Device) -> Secret:
    """For provisioning and a new realm. Raises `WrongKey` when the key file is another one."""
    return appliance.box(Purpose.DEVICE).open(PASSWORD_FIELD, row.sealed_password)


def first_free(number: str, taken: set[str]) -> str:
    """The number itself, then number-2, number-3 ..."""
    if number not in taken:
        return number
    return next(name for index in count(2) if (name := f"{number}-{index}") not in taken)


def check_username_is_free(username: str, extension: Extension) -> None:
    """Case is no difference here: two phones called anna and Anna would be taken for one."""
    taken = Device.get_or_none(fn.LOWER(Device.username) == username.lower())
    if taken is not None:
        text = USERNAME_TAKEN.format(username=username, number=taken.extension.number)
        raise Conflict(text, field="username")
    if username != extension.number and Extension.get_or_none(Extension.number == username) is not None:
        raise Conflict(USERNAME_IS_NUMBER.format(username=username), field="username")


def check_password_is_no_name(password: Secret, number: str, username: str) -> None:
    if password.reveal() in (number, username):
        raise Invalid({"password": PASSWORD_IS_NAME})
