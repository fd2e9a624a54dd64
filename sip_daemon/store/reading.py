"""Rows to values: the directory, the bindings of the last run, and what a new start cleans up.

The rule: a row that was changed behind our back is passed over with a line in the log; it stops nothing.
"""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from sys import intern
from types import MappingProxyType
from typing import Final

from sip_daemon.defence.ban import Ban
from sip_daemon.directory import Device, Directory, Extension
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.registrar import Binding
from sip_daemon.store.writing import PATH_SEPARATOR, transaction

logger = logging.getLogger(__name__)

FALLBACK_REALM: Final = "gosip"
"""Before the first start stored one there is no device either, so it protects nothing."""
STOPPED: Final = ("stopped", "system stopped", "system")
MAX_IN_LIST: Final = 500
"""Beyond so many changed extensions everything is read anew."""

EXTENSIONS: Final = "SELECT id, number, name, enabled, ring_seconds FROM extension"
DEVICES: Final = (
    "SELECT device.id, device.username, extension.number, device.label, device.ha1_md5, device.ha1_sha256,"
    " device.enabled FROM device JOIN extension ON extension.id = device.extension_id"
)
AFFECTED: Final = (
    "SELECT id FROM extension WHERE revision > :known UNION SELECT extension_id FROM device WHERE revision > :known"
)
BINDINGS: Final = (
    "SELECT username, contact, instance, reg_id, q, expires_at, registered_at, transport, local, remote,"
    " path, user_agent, call_id, cseq FROM binding"
)


def data_version(connection: sqlite3.Connection) -> int:
    """Changes when another connection has committed; costs microseconds."""
    return int(connection.execute("PRAGMA data_version").fetchone()[0])


def revision_number(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT number FROM revision WHERE id = 1").fetchone()
    return int(row[0]) if row else 0


def load_directory(connection: sqlite3.Connection) -> Directory:
    """Everything, as of one moment."""
    connection.execute("BEGIN")
    try:
        return make_directory(connection, connection.execute(EXTENSIONS), connection.execute(DEVICES), {}, {})
    finally:
        connection.execute("COMMIT")


def update_directory(connection: sqlite3.Connection, known: Directory) -> Directory:
    """The directory with the rows that changed since; unchanged values are shared with the old one."""
    connection.execute("BEGIN")
    try:
        affected = {row[0] for row in connection.execute(AFFECTED, {"known": known.revision})}
        affected |= moved_from(connection, known)
        if len(affected) > MAX_IN_LIST:
            return make_directory(connection, connection.execute(EXTENSIONS), connection.execute(DEVICES), {}, {})
        extensions, devices = without_changed(connection, known, affected)
        chosen = f" WHERE extension.id IN ({', '.join(str(int(one)) for one in affected)})"
        return make_directory(
            connection,
            connection.execute(EXTENSIONS + chosen),
            connection.execute(DEVICES + chosen),
            extensions,
            devices,
        )
    finally:
        connection.execute("COMMIT")


def moved_from(connection: sqlite3.Connection, known: Directory) -> set[int]:
    """The extensions to which changed or removed devices belonged before."""
    names = [row[0] for row in connection.execute("SELECT username FROM device WHERE revision > ?", (known.revision,))]
    names += removed(connection, "device", known.revision)
    before = (known.devices[name].extension for name in names if name in known.devices)
    return {known.extensions[number].id for number in before if number in known.extensions}


def removed(connection: sqlite3.Connection, kind: str, since: int) -> list[str]:
    rows = connection.execute("SELECT key FROM removal WHERE kind = ? AND revision > ?", (kind, since))
    return [row[0] for row in rows]


def without_changed(
    connection: sqlite3.Connection, known: Directory, affected: set[int]
) -> tuple[dict[str, Extension], dict[str, Device]]:
    """The known rows less those that were removed and those that are read again."""
    gone = set(removed(connection, "extension", known.revision))
    gone |= {number for number, extension in known.extensions.items() if extension.id in affected}
    gone_devices = set(removed(connection, "device", known.revision))
    extensions = {number: one for number, one in known.extensions.items() if number not in gone}
    devices = {
        name: one for name, one in known.devices.items() if one.extension not in gone and name not in gone_devices
    }
    return extensions, devices


def make_directory(
    connection: sqlite3.Connection,
    extension_rows: Iterable[sqlite3.Row],
    device_rows: Iterable[sqlite3.Row],
    extensions: dict[str, Extension],
    devices: dict[str, Device],
) -> Directory:
    """The rows, added to what is kept."""
    members: dict[str, list[str]] = {}
    for number, username, extension, label, ha1_md5, ha1_sha256, enabled in device_rows:
        devices[username] = Device(number, username, extension, label, ha1_md5, ha1_sha256, bool(enabled))
        if enabled:
            members.setdefault(extension, []).append(username)
    for number, dialled, name, enabled, ring_seconds in extension_rows:
        own = tuple(sorted(members.get(dialled, ())))
        extensions[dialled] = Extension(number, dialled, name, own, bool(enabled), ring_seconds)
    realm, domains = read_identity(connection)
    return Directory(
        revision_number(connection),
        realm,
        domains,
        MappingProxyType(devices),
        MappingProxyType(extensions),
        MappingProxyType(names_of(extensions, devices)),
    )


def names_of(extensions: Mapping[str, Extension], devices: Mapping[str, Device]) -> dict[str, str]:
    """Who can be dialled by name. Of two extensions of one name the older is meant; a username goes before a name."""
    names = {name.casefold(): device.extension for name, device in devices.items()}
    for extension in sorted(extensions.values(), key=lambda one: one.id):
        if extension.name:
            names.setdefault(extension.name.casefold(), extension.number)
    return names


def read_identity(connection: sqlite3.Connection) -> tuple[str, frozenset[str]]:
    """Realm, and the names and addresses that were set in the admin pages."""
    row = connection.execute("SELECT realm, sip_domain, external_ip FROM config WHERE id = 1").fetchone()
    realm, *names = row or (None, None, None)
    return realm or FALLBACK_REALM, frozenset(name.lower() for name in names if name)


def load_bindings(connection: sqlite3.Connection, now: float, wall: float) -> tuple[Binding, ...]:
    """The bindings that have not expired, in monotonic time; the expired ones are removed."""
    with transaction(connection):
        connection.execute("DELETE FROM binding WHERE expires_at <= ?", (wall,))
        rows = connection.execute(BINDINGS).fetchall()
    return tuple(read_bindings(rows, now - wall))


def read_bindings(rows: Iterable[sqlite3.Row], to_monotonic: float) -> Iterator[Binding]:
    for row in rows:
        try:
            yield read_binding(tuple(row), to_monotonic)
        except (ValueError, TypeError):
            logger.warning("a stored binding of %s cannot be read and is passed over", row[0])


def read_binding(row: tuple[object, ...], to_monotonic: float) -> Binding:
    match row:
        case (
            str(username),
            str(contact),
            str(instance),
            int(reg_id),
            float() | int() as q,
            float() | int() as expires_at,
            float() | int() as registered_at,
            str(transport),
            str(local),
            str(remote),
            str(path),
            str(user_agent),
            str(call_id),
            int(cseq),
        ):
            flow = Flow(TransportProtocol(transport), parse_address(local), parse_address(remote))
            return Binding(
                username=username,
                contact=contact,
                flow=flow,
                expires_at=expires_at + to_monotonic,
                registered_at=registered_at,
                call_id=call_id,
                cseq=cseq,
                instance=instance or None,
                reg_id=reg_id,
                q=q,
                user_agent=user_agent or None,
                path=tuple(intern(hop) for hop in path.split(PATH_SEPARATOR)) if path else (),
            )
        case _:
            raise TypeError("not a row of binding")


def parse_address(text: str) -> TransportAddress:
    """`host:port` or `[host]:port`, as `str(TransportAddress)` writes it."""
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ValueError("no port")
    return TransportAddress(host.removeprefix("[").removesuffix("]"), int(port))


def load_bans(connection: sqlite3.Connection) -> tuple[Ban, ...]:
    """The bans of the last run, those too that are over and only remembered."""
    rows = connection.execute("SELECT source, reason, since, until, count, note FROM ban")
    return tuple(Ban(*row) for row in rows)


def close_open_calls(connection: sqlite3.Connection, wall: float, but: Sequence[str] = ()) -> int:
    """Calls that were going on when the system stopped are over, all but these; returns how many."""
    with transaction(connection):
        cursor = connection.execute(
            "UPDATE call SET status = ?, cause = ?, ended_by = ?, ended_at = max(started_at, ?)"
            " WHERE ended_at IS NULL AND id NOT IN (SELECT value FROM json_each(?))",
            (*STOPPED, wall, json.dumps(list(but))),
        )
    return cursor.rowcount


def with_domains(directory: Directory, names: Iterable[str]) -> Directory:
    """The directory with further names and addresses of ours."""
    return replace(directory, domains=directory.domains | {name.lower() for name in names})
