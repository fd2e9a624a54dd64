"""The program itself: its sockets, its watchers, its start and its end.

Two sockets: one that nginx reads streams from, and a control socket (`events.sock`) for the command line and for
whoever asks whether we are ready. Whoever may open the latter owns the machine and sees everything.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import logging
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from appliance.control.aio import ControlServer
from appliance.control.sockets import listening_socket
from appliance.event_stream.access import Identity, identify, still_valid
from appliance.event_stream.event import KINDS, Event
from appliance.event_stream.http import StreamServer
from appliance.event_stream.hub import Hub
from appliance.event_stream.sources import Alarms, ProcessStates, watch_alarms, watch_processes, watch_sip
from appliance.operations.context import Appliance
from appliance.secret import Secret
from appliance.supervision.client import SupervisorClient

log = logging.getLogger(__name__)

Value = TypeVar("Value")

PROGRAM: Final = "events"
CHECK_SECONDS: Final = 2.0
"""A session that ended, or a role that changed, ends its streams within this."""
BEAT_SECONDS: Final = 15.0
PENDING: Final = 1024
"""Connections that may wait to be accepted: after a restart all browsers come back at once, and nginx answers 503 to
those for whom there is no room."""
SESSION_OVER: Final = "You are signed out."
OTHER_RIGHTS: Final = "Your rights have changed."
STOPPING: Final = "The stream restarts."


class EventProgram:
    """One process. To be built inside a running loop."""

    def __init__(self, appliance: Appliance, hub: Hub | None = None) -> None:
        self._appliance = appliance
        self._started_at = time.time()
        self._stopping = asyncio.Event()
        # One thread: peewee has a connection for each, and PRAGMA data_version speaks of its own connection.
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="database")
        self.hub = hub or Hub()
        self.control = ControlServer(
            appliance.folder.events_socket, PROGRAM, {"status": self._status}, frozenset(KINDS)
        )
        self.hub.listeners.append(self._tell_command_line)

    def stop(self) -> None:
        """End in good order."""
        self._stopping.set()

    async def run(self) -> None:
        """Serve until `stop`. Raises `ControlError` when a socket cannot be opened."""
        folder = self._appliance.folder
        server = StreamServer(self.hub, self._identify)
        listener = listening_socket(folder.event_stream_socket)
        streams = await asyncio.get_running_loop().create_unix_server(server, sock=listener, backlog=PENDING)
        alarms = Alarms()
        await self._elsewhere(alarms.look)  # what is there already is no news
        await self.control.start()
        log.info("ready")
        states = ProcessStates(SupervisorClient(folder.supervisor_socket))
        watchers = (
            watch_sip(folder.sip_socket, self.hub.publish),
            watch_alarms(alarms, self._elsewhere, self.hub.publish),
            watch_processes(states.look, self._elsewhere, self.hub.publish, lambda: len(self.hub) > 0),
            self._check_readers(),
            self._beat(),
        )
        tasks = [asyncio.create_task(watcher) for watcher in watchers]
        try:
            await self._stopping.wait()
        finally:
            folder.event_stream_socket.unlink(missing_ok=True)
            streams.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.hub.close(STOPPING)
            await self.control.close()
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _elsewhere(self, function: Callable[[], Value]) -> Value:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

    async def _identify(self, token: Secret, address: str) -> Identity | None:
        return await self._elsewhere(lambda: identify(self._appliance, token, address))

    async def _check_readers(self) -> None:
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self.check_readers()
            except Exception:
                log.exception("the readers could not be checked")

    async def check_readers(self) -> None:
        """Close the streams of those who are signed out or have other rights; follow whose number is whose."""
        known = frozenset(reader.identity for reader in self.hub.readers)
        if not known:
            return
        valid = await self._elsewhere(lambda: still_valid(self._appliance, known))
        for reader in self.hub.readers:
            if reader.identity not in known:
                continue  # came meanwhile
            now = valid.get(reader.identity)
            if now is None:
                self.hub.end(reader, SESSION_OVER)
            elif now.is_admin != reader.identity.is_admin:
                self.hub.end(reader, OTHER_RIGHTS)
            else:
                reader.identity = now

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            self.hub.beat()

    def _tell_command_line(self, event: Event) -> None:
        if self.control.has_subscribers:
            self.control.publish(event.kind, event.data)

    def _status(self, params: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        return {"started_at": self._started_at, "streams": len(self.hub), "dropped": self.hub.dropped}
