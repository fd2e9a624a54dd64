"""The blocking client of a control socket: for the web app, the command line and the certificate hook.

Each call has one deadline, from connecting to the last byte of the answer.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from appliance.control.errors import CallRefused, ControlError, NoAnswerInTime, NotReachable, ProtocolMismatch
from appliance.control.protocol import ClientProtocol, Greeting, Request, Response

__all__ = [
    "CallRefused",
    "ControlClient",
    "ControlError",
    "ControlSession",
    "NoAnswerInTime",
    "NotReachable",
    "ProtocolMismatch",
]

DEFAULT_TIMEOUT = 5.0
CHUNK = 256 * 1024


class ControlClient:
    """Asks one program. Cheap to make; holds no connection between calls, so a restart of the program does no harm."""

    def __init__(self, path: Path, timeout: float = DEFAULT_TIMEOUT) -> None:
        self.path = path
        self.timeout = timeout
        """Seconds that a call may take altogether."""

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """The result of one call. Raises `NotReachable`, `ProtocolMismatch` or `CallRefused`, all `ControlError`."""
        with self.connect() as session:
            return session.call(method, params)

    def connect(self) -> ControlSession:
        """A connection for several calls, or for notifications; use it in a `with` statement."""
        return ControlSession(self.path, self.timeout)


class ControlSession:
    """One connection. Not for use by two threads at once."""

    def __init__(self, path: Path, timeout: float) -> None:
        self._name = path.name.removesuffix(".sock")
        self._timeout = timeout
        self._protocol = ClientProtocol()
        self._notifications: deque[Request] = deque()
        self._responses: dict[int | str | None, Response] = {}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._connect(path)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> ControlSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def greeting(self) -> Greeting:
        """Who answered."""
        assert self._protocol.greeting is not None  # read by `_connect`
        return self._protocol.greeting

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any:
        """The result of one call; notifications that come in between are kept for `notifications`."""
        deadline = time.monotonic() + self._timeout
        number = self._protocol.call(method, params or {})
        self._send(deadline)
        while number not in self._responses:
            self._receive(deadline)
        return self._responses.pop(number).value()

    def notifications(self, timeout: float | None = None) -> Iterator[Request]:
        """What the program sends by itself after a `subscribe`; ends when none came for `timeout` seconds."""
        while True:
            while self._notifications:
                yield self._notifications.popleft()
            try:
                self._receive(None if timeout is None else time.monotonic() + timeout)
            except NoAnswerInTime:
                return

    def close(self) -> None:
        self._socket.close()

    def _connect(self, path: Path) -> None:
        deadline = time.monotonic() + self._timeout
        try:
            self._socket.settimeout(self._timeout)
            self._socket.connect(str(path))
        except PermissionError as error:
            raise NotReachable(
                f"The program {self._name} cannot be asked: this user may not use {path}. "
                "Run the command as the user that GoSIP runs as."
            ) from error
        except OSError as error:
            raise NotReachable(f"The program {self._name} is not running: nobody answers on {path}.") from error
        while self._protocol.greeting is None:
            self._receive(deadline)

    def _send(self, deadline: float) -> None:
        try:
            self._socket.settimeout(max(0.001, deadline - time.monotonic()))
            self._socket.sendall(self._protocol.take_output())
        except TimeoutError as error:
            raise self._too_late() from error
        except OSError as error:
            raise self._gone() from error

    def _receive(self, deadline: float | None) -> None:
        """Read what is there, waiting for it until the deadline."""
        try:
            self._socket.settimeout(None if deadline is None else max(0.001, deadline - time.monotonic()))
            data = self._socket.recv(CHUNK)
        except TimeoutError as error:
            raise self._too_late() from error
        except OSError as error:
            raise self._gone() from error
        if not data:
            raise self._gone()
        for message in self._protocol.receive_data(data):
            if isinstance(message, Response):
                self._responses[message.id] = message
            else:
                self._notifications.append(message)

    def _too_late(self) -> NoAnswerInTime:
        return NoAnswerInTime(f"The program {self._name} does not answer within {self._timeout:g} seconds.")

    def _gone(self) -> NotReachable:
        return NotReachable(f"The program {self._name} closed the connection before it answered: it stops or restarts.")
