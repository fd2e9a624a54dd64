"""Where events come from: `sip` tells, the database and supervisor are looked at.

Each source is one coroutine that never ends by itself: what it watches may come and go.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from appliance.control.aio import AsyncControlClient
from appliance.control.errors import ControlError
from appliance.database.models import Event as EventRow
from appliance.database.proxy import database
from appliance.errors import ApplianceError
from appliance.event_stream.event import Event, sip_event
from appliance.supervision.client import Process, SupervisorClient, SupervisorUnreachable
from appliance.wire import to_json

log = logging.getLogger(__name__)

Value = TypeVar("Value")
Publish = Callable[[Event], None]
Elsewhere = Callable[[Callable[[], Value]], Awaitable[Value]]
"""Carries a function out off the loop."""

TOPICS: Final = ("binding", "call", "listeners")
RECONNECT_SECONDS: Final = 0.25
DATABASE_SECONDS: Final = 1.0
PROCESS_SECONDS: Final = 2.0
MAX_ROWS: Final = 100
"""Alarms of one look; of a flood the newest are told."""


async def watch_sip(path: Path, publish: Publish) -> None:
    """One subscription for all readers. When `sip` comes or goes, whoever shows its state has to ask anew."""
    is_up = False
    while True:
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def closed(_: ControlError, ended: asyncio.Future[None] = ended) -> None:
            if not ended.done():
                ended.set_result(None)

        try:
            client = await AsyncControlClient.connect(
                path, on_notification=lambda kind, row: publish(sip_event(kind, row)), on_closed=closed
            )
            try:
                await client.call("subscribe", {"topics": list(TOPICS)})
                is_up = True
                publish(system_event(sip="up"))
                await ended
            finally:
                await client.close()
        except ControlError as error:
            log.debug("sip does not answer: %s", error)
        if is_up:
            is_up = False
            publish(system_event(sip="down"))
        await asyncio.sleep(RECONNECT_SECONDS)


def system_event(**data: str) -> Event:
    return Event("system", data, for_everybody=True)


class Alarms:
    """New rows of the events. To be called in one thread only: `PRAGMA data_version` is that of its connection."""

    def __init__(self) -> None:
        self._version: int | None = None
        self._last: int | None = None

    def look(self) -> list[Event]:
        """What was added since the last look; nothing at the first one. Costs microseconds while nothing changed."""
        version: int = database.execute_sql("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return []
        self._version = version
        if self._last is None:
            newest = EventRow.select().order_by(EventRow.id.desc()).first()
            self._last = newest.id if newest is not None else 0
            return []
        query = EventRow.select().where(EventRow.id > self._last).order_by(EventRow.id.desc()).limit(MAX_ROWS)
        rows = list(query)[::-1]
        self._last = rows[-1].id if rows else self._last
        return [alarm_event(row) for row in rows]


def alarm_event(row: EventRow) -> Event:
    names = ("id", "at", "severity", "source", "kind", "message", "detail")
    return Event("alarm", to_json({name: getattr(row, name) for name in names}))


async def watch_alarms(alarms: Alarms, elsewhere: Elsewhere[list[Event]], publish: Publish) -> None:
    """Rows that any program wrote."""
    trouble = ""
    while True:
        await asyncio.sleep(DATABASE_SECONDS)
        try:
            for event in await elsewhere(alarms.look):
                publish(event)
            trouble = ""
        except Exception as error:  # a database that is away for a while
            if trouble != (trouble := f"{type(error).__name__}: {error}"):
                log.warning("the events cannot be read: %s", error)


class ProcessStates:
    """What supervisor runs, compared with the look before."""

    def __init__(self, supervisor: SupervisorClient) -> None:
        self._supervisor = supervisor
        self._known: dict[str, Process] | None = None

    def look(self) -> list[Event]:
        """A program whose state or process is another than before."""
        try:
            now = {process.name: process for process in self._supervisor.processes()}
        except SupervisorUnreachable:
            return []
        before, self._known = self._known, now
        if before is None:
            return []
        changed = [process for name, process in now.items() if key_of(before.get(name)) != key_of(process)]
        return [process_event(process) for process in changed]


def key_of(process: Process | None) -> tuple[str, int] | None:
    return (process.state, process.pid) if process is not None else None


def process_event(process: Process) -> Event:
    row: Mapping[str, Any] = {
        "name": process.name,
        "state": process.state,
        "pid": process.pid,
        "started_at": process.started_at or None,
        "description": process.description,
    }
    return Event("process", to_json(row))


async def watch_processes(
    look: Callable[[], list[Event]],
    elsewhere: Elsewhere[list[Event]],
    publish: Publish,
    is_wanted: Callable[[], bool],
) -> None:
    """While somebody reads: nobody else needs supervisor to be asked every two seconds."""
    while True:
        if is_wanted():
            try:
                for event in await elsewhere(look):
                    publish(event)
            except ApplianceError as error:
                log.debug("supervisor does not answer: %s", error)
        await asyncio.sleep(PROCESS_SECONDS)
