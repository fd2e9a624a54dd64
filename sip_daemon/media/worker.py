"""One media worker: its control socket, its sessions, its loop. The composition root of the process.

Whoever connects to the control socket owns the sessions that it opens there, and gets their events.
"""

from __future__ import annotations

import gc
import logging
import resource
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.control.errors import INTERNAL_ERROR, CallRefused, ProtocolMismatch
from appliance.control.protocol import Request, ServerProtocol
from appliance.control.sockets import listening_socket
from sip_daemon.media.commands import Commands, event_params
from sip_daemon.media.session.events import LegEvent
from sip_daemon.media.session.hop import Hop
from sip_daemon.media.session.leg import LegServices
from sip_daemon.media.session.loop import EventLoop
from sip_daemon.media.session.ports import PortPool, PortSlice
from sip_daemon.media.session.recorder import RecordingWriter
from sip_daemon.media.session.sounds import SoundLibrary
from sip_daemon.media.session.table import SessionTable

logger = logging.getLogger(__name__)

CHUNK_BYTES = 64 * 1024
MAX_BACKLOG_BYTES = 4 * 1024 * 1024
"""What a client leaves unread before its connection is closed."""

THREAD_SWITCH_SECONDS = 0.0005
"""The sound and recording threads give way to the packet path this often, ten times as often as by default."""

SPARE_DESCRIPTORS = 64
"""Besides the sockets of sessions: logs, control connections, recordings."""

GC_THRESHOLD = 50_000
"""Collections are rare and small: the packet path makes no cycles, and what was there at the start is frozen."""


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """What a worker has to know."""

    index: int
    socket: Path
    """Of the control connection."""
    ports: PortSlice
    """This worker's own."""
    grace_seconds: float = 600.0
    """How long sessions live on without an owner."""
    silence_seconds: float = 30.0
    """How long a peer that should send may be silent before its owner is told."""


class Worker:
    """Made, then run until `stop` (or SIGTERM, SIGINT)."""

    def __init__(self, config: WorkerConfig) -> None:
        """Raises `ControlError` when the control socket cannot be opened."""
        self.loop = EventLoop()
        self._name = f"media-{config.index}"
        self._index = config.index
        self._path = config.socket
        self._listener = listening_socket(config.socket)
        self._sounds = SoundLibrary(self.loop)
        self._recordings = RecordingWriter(self.loop.now)
        self._hop = Hop(self.loop)
        services = LegServices(self.loop, self._sounds, self._recordings, config.silence_seconds)
        self.table = SessionTable(services, PortPool(config.ports), self._hop, config.grace_seconds)
        self._connections: set[_Connection] = set()
        self.loop.add(self._listener.fileno(), self._accept)

    def run(self) -> None:
        logger.info("%s listens on %s with %d ports", self._name, self._path, self.table.ports_free)
        self._prepare_process()
        try:
            self.loop.run()
        finally:
            self.close()

    def stop(self) -> None:
        """May be called from a signal handler or another thread."""
        self.loop.call_from_thread(self.loop.stop)

    def close(self) -> None:
        """Every peer gets its goodbye, every recording its end."""
        self._path.unlink(missing_ok=True)
        self.table.close_all()
        for connection in list(self._connections):
            connection.close()
        self.loop.remove(self._listener.fileno())
        self._listener.close()
        self._hop.close()
        self._sounds.close()
        self._recordings.close()
        self.loop.close()

    def _prepare_process(self) -> None:
        sys.setswitchinterval(THREAD_SWITCH_SECONDS)
        gc.collect()
        gc.freeze()
        gc.set_threshold(GC_THRESHOLD, 50, 100)
        raise_file_limit(2 * self.table.ports_free + SPARE_DESCRIPTORS)

    def _accept(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except OSError:
            return
        accepted.setblocking(False)
        connection = _Connection(self, accepted, self._name, self._index)
        self._connections.add(connection)
        self.loop.add(accepted.fileno(), connection.serve)
        connection.flush()

    def forget(self, connection: _Connection) -> None:
        self._connections.discard(connection)


class _Connection:
    """One control client."""

    def __init__(self, worker: Worker, connected: socket.socket, name: str, index: int) -> None:
        self._worker, self._socket = worker, connected
        self._protocol = ServerProtocol(name)
        self._listener: Callable[[str, LegEvent], None] = self._report
        self._commands = Commands(worker.table, index, self._listener)
        self._unsent = b""
        self._is_closed = False

    def serve(self) -> None:
        """Something can be read or written."""
        if self._unsent:
            self.flush()
        try:
            data = self._socket.recv(CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        try:
            requests = self._protocol.receive_data(data)
        except ProtocolMismatch as error:
            logger.warning("a control connection is closed: %s", error)
            self.flush()
            self.close()
            return
        for request in requests:
            if self._is_closed:  # nobody would own what is opened now
                return
            self._carry_out(request)
        self.flush()

    def _carry_out(self, request: Request) -> None:
        try:
            self._commands.carry_out(request.method, request.params, lambda result: self._reply(request, result))
        except Exception:
            logger.exception("%s failed", request.method)
            self._reply(request, CallRefused(INTERNAL_ERROR, "It failed; the log of the media worker says why."))

    def flush(self) -> None:
        """Send what there is; the rest when the socket takes it."""
        if self._is_closed:
            return
        had_backlog = bool(self._unsent)
        self._unsent += self._protocol.take_output()
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :] if self._unsent else b""
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return
        if len(self._unsent) > MAX_BACKLOG_BYTES:
            logger.warning("a control client does not read its answers; its connection is closed")
            self.close()
        elif bool(self._unsent) != had_backlog:
            self._worker.loop.watch_writable(self._socket.fileno(), bool(self._unsent))

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        self._worker.loop.remove(self._socket.fileno())
        self._socket.close()
        self._worker.forget(self)
        self._worker.table.disown(self._listener)

    def _reply(self, request: Request, result: Any) -> None:
        if isinstance(result, CallRefused):
            self._protocol.refuse(request, result)
        else:
            self._protocol.reply(request, result)
        if request.method == "session.play":  # may be answered after `serve` has returned
            self.flush()

    def _report(self, identifier: str, event: LegEvent) -> None:
        self._protocol.notify("session.event", event_params(identifier, event))
        self.flush()


def raise_file_limit(wanted: int) -> None:
    """Two sockets for each session are more than the 1,024 files that a shell allows by default."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = resource.RLIM_INFINITY
    allowed = wanted if hard == unlimited else min(wanted, hard)
    if soft != unlimited and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if soft != unlimited and max(soft, allowed) < wanted:
        logger.warning(
            "only %d files may be open: not all RTP ports can be used. Raise the limit of open files to %d.",
            max(soft, allowed),
            wanted,
        )


def run(config: WorkerConfig) -> None:
    """Until SIGTERM or SIGINT."""
    worker = Worker(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: worker.stop())
    worker.run()
