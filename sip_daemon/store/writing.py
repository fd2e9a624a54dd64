"""Changes to rows.

The rule: each statement says the whole row, so writing a change twice, or after some were skipped, gives the same
table. Plain SQL with executemany: a site's phones all register within the same minute after a power cut.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Final

import orjson

from sip_daemon.call.record import CallChange, CallEnded, CallRecord, LegRecord
from sip_daemon.defence.ban import Ban, BanChange
from sip_daemon.registrar import BindingChange
from sip_daemon.store.pending import Change, Event, Pending

logger = logging.getLogger(__name__)

BINDING_COLUMNS: Final = (
    "username",
    "contact_key",
    "contact",
    "instance",
    "reg_id",
    "q",
    "expires_at",
    "registered_at",
    "transport",
    "local",
    "remote",
    "path",
    "user_agent",
    "call_id",
    "cseq",
)
CALL_COLUMNS: Final = tuple(field.name for field in fields(CallRecord) if field.name != "legs")
LEG_COLUMNS: Final = ("call_id", *(field.name for field in fields(LegRecord)))
BAN_COLUMNS: Final = ("source", "reason", "since", "until", "count", "note")
EVENT_COLUMNS: Final = ("at", "severity", "source", "kind", "message", "detail")

PATH_SEPARATOR: Final = "\n"
"""Between the hops of a path, which may hold any character but a line end."""

UNWRITABLE: Final = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    OverflowError,
    ValueError,
    orjson.JSONEncodeError,
)
"""Errors of the value, not of the disk: trying again would not help."""


def insert(table: str, columns: tuple[str, ...], key: tuple[str, ...] = ()) -> str:
    """An INSERT of these columns; with a key, of a row that may be there already. The names are ours."""
    marks = ", ".join("?" * len(columns))
    text = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608
    if key:
        updates = ", ".join(f"{name} = excluded.{name}" for name in columns if name not in key)
        text += f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {updates}"
    return text


WRITE_BINDING: Final = insert("binding", BINDING_COLUMNS, ("username", "contact_key"))
REMOVE_BINDING: Final = "DELETE FROM binding WHERE username = ? AND contact_key = ?"
WRITE_CALL: Final = insert("call", CALL_COLUMNS, ("id",))
REMOVE_LEGS: Final = "DELETE FROM call_leg WHERE call_id = ?"
WRITE_LEG: Final = insert("call_leg", LEG_COLUMNS)
WRITE_BAN: Final = insert("ban", BAN_COLUMNS, ("source",))
REMOVE_BAN: Final = "DELETE FROM ban WHERE source = ?"
WRITE_EVENT: Final = insert("event", EVENT_COLUMNS)


def write(connection: sqlite3.Connection, batch: Pending) -> None:
    """All of it in one transaction. Raises `sqlite3.Error` when the disk or a lock forbids it; then nothing is written.

    A change that no table takes is logged and left out, rather than holding up all others for ever.
    """
    try:
        with transaction(connection):
            write_all(connection, batch)
    except UNWRITABLE:
        with transaction(connection):
            write_one_by_one(connection, batch)


def write_all(connection: sqlite3.Connection, batch: Pending) -> None:
    write_calls(connection, batch.calls.values())
    connection.executemany(REMOVE_BINDING, list(batch.removals))
    write_bindings(connection, batch.bindings.values())
    write_bans(connection, batch.bans.values())
    connection.executemany(WRITE_EVENT, [event_row(event) for event in batch.events])


def write_one_by_one(connection: sqlite3.Connection, batch: Pending) -> None:
    for call in batch.calls.values():
        attempt(connection, call, lambda call=call: write_calls(connection, [call]))  # type: ignore[misc]
    connection.executemany(REMOVE_BINDING, list(batch.removals))
    for binding in batch.bindings.values():
        attempt(connection, binding, lambda binding=binding: write_bindings(connection, [binding]))  # type: ignore[misc]
    for ban in batch.bans.values():
        attempt(connection, ban, lambda ban=ban: write_bans(connection, [ban]))  # type: ignore[misc]
    for event in batch.events:
        attempt(connection, event, lambda event=event: connection.execute(WRITE_EVENT, event_row(event)))  # type: ignore[misc]


def attempt(connection: sqlite3.Connection, change: Change, write_change: Callable[[], object]) -> None:
    connection.execute("SAVEPOINT change")
    try:
        write_change()
    except UNWRITABLE as error:
        connection.execute("ROLLBACK TO change")
        logger.error("%s cannot be stored: %s", type(change).__name__, type(error).__name__)
    connection.execute("RELEASE change")


def write_bindings(connection: sqlite3.Connection, changes: Iterable[BindingChange]) -> None:
    connection.executemany(WRITE_BINDING, [binding_row(change) for change in changes])


def write_bans(connection: sqlite3.Connection, changes: Iterable[BanChange]) -> None:
    changes = tuple(changes)
    connection.executemany(REMOVE_BAN, [(change.ban.source,) for change in changes if change.is_forgotten])
    connection.executemany(WRITE_BAN, [ban_row(change.ban) for change in changes if not change.is_forgotten])


def write_calls(connection: sqlite3.Connection, changes: Iterable[CallChange]) -> None:
    changes = tuple(changes)
    connection.executemany(WRITE_CALL, [call_row(change.record) for change in changes])
    ended = [change.record for change in changes if isinstance(change, CallEnded)]
    connection.executemany(REMOVE_LEGS, [(record.id,) for record in ended])
    connection.executemany(WRITE_LEG, [leg_row(record.id, leg) for record in ended for leg in record.legs])


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Takes the write lock first, so that it is waited for once and not in the middle."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def binding_row(change: BindingChange) -> tuple[object, ...]:
    """In the order of `BINDING_COLUMNS`."""
    binding, flow = change.binding, change.binding.flow
    return (
        *change.key,
        binding.contact,
        binding.instance or "",
        binding.reg_id,
        binding.q,
        change.expires_at,
        binding.registered_at,
        flow.transport.value,
        str(flow.local),
        str(flow.remote),
        PATH_SEPARATOR.join(binding.path),
        binding.user_agent or "",
        binding.call_id,
        binding.cseq,
    )


def ban_row(ban: Ban) -> tuple[object, ...]:
    """In the order of `BAN_COLUMNS`."""
    return ban.source, ban.reason, ban.since, ban.until, ban.count, ban.note


def call_row(record: CallRecord) -> tuple[object, ...]:
    return tuple(plain(getattr(record, name)) for name in CALL_COLUMNS)


def leg_row(call_id: str, leg: LegRecord) -> tuple[object, ...]:
    return (call_id, *(plain(getattr(leg, name)) for name in LEG_COLUMNS[1:]))


def event_row(event: Event) -> tuple[object, ...]:
    return tuple(plain(getattr(event, name)) for name in EVENT_COLUMNS)


def plain(value: object) -> object:
    """What SQLite takes: JSON for mappings, numbers for booleans."""
    if value is None or isinstance(value, str | int | float):
        return value
    return orjson.dumps(dict(value), option=orjson.OPT_SORT_KEYS).decode()  # type: ignore[call-overload]
