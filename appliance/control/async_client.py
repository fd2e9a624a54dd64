"""The asyncio client of a control socket, made for many small calls: `sip` asks a media worker several things for each
telephone call.

The rule: a call costs no task and no loop timer. What is asked in one turn of the loop leaves in one write, and one
timer watches over the deadlines of all calls.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from appliance.control.errors import ControlError, NoAnswerInTime, NotReachable
from appliance.control.protocol import ClientProtocol, Greeting, Request, Response

log = logging.getLogger(__name__)

DEFAULT_TIMEOUT = 5.0

Listener = Callable[[str, dict[str, Any]], None]


class AsyncControlClient(asyncio.Protocol):
    """One connection to one program, for as many calls at a time as there are.

    `on_closed` is called once when the connection ends by itself, with the reason; not after `close`.
    """

    def __init__(
        self,
        name: str,
        on_notification: Listener | None = None,
        on_closed: Callable[[ControlError], None] | None = None,
    ) -> None:
        self._name, self._on_notification, self._on_closed = name, on_notification, on_closed
        self._loop = asyncio.get_running_loop()
        self._protocol = ClientProtocol()
        self._transport: asyncio.Transport | None = None
        self._waiting: dict[int | str | None, asyncio.Future[Any]] = {}
        self._deadlines: dict[int | str | None, tuple[float, float]] = {}
        """Loop time at which a call has taken too long, and the seconds that it was given."""
        self._alarm: asyncio.TimerHandle | None = None
        self._is_flush_due = False
        self._greeted: asyncio.Future[None] = self._loop.create_future()
        self._gone = asyncio.Event()
        self._ended: ControlError | None = None

    @classmethod
    async def connect(
        cls,
        path: Path,
        *,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109 - the caller wants our typed error, not TimeoutError
        on_notification: Listener | None = None,
        on_closed: Callable[[ControlError], None] | None = None,
    ) -> AsyncControlClient:
        """Connect and read the greeting. Raises `NotReachable` or `ProtocolMismatch`."""
        client = cls(path.name.removesuffix(".sock"), on_notification, on_closed)
        try:
            async with asyncio.timeout(timeout):
                await client._loop.create_unix_connection(lambda: client, str(path))
                await client._greeted
        except TimeoutError as error:
            client._drop()
            raise NoAnswerInTime(f"The program {client._name} does not answer within {timeout:g} seconds.") from error
        except OSError as error:
            raise NotReachable(f"The program {client._name} is not running: nobody answers on {path}.") from error
        except BaseException:
            client._drop()
            raise
        return client

    @property
    def greeting(self) -> Greeting:
        """Who answered."""
        assert self._protocol.greeting is not None  # `connect` waited for it
        return self._protocol.greeting

    @property
    def is_open(self) -> bool:
        return self._ended is None

    async def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT,  # noqa: ASYNC109
    ) -> Any:
        """The result of one call. Raises `NotReachable` (also when the program goes away meanwhile), `CallRefused`."""
        return await self.request(method, params, timeout)

    def request(
        self, method: str, params: Mapping[str, Any] | None = None, timeout: float = DEFAULT_TIMEOUT
    ) -> asyncio.Future[Any]:
        """Ask now, before anybody awaits the answer: calls are carried out in the order in which they were made."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        if self._ended is not None:
            answer.set_exception(self._ended)
            return answer
        number = self._protocol.call(method, params or {})
        self._waiting[number] = answer
        self._deadlines[number] = (self._loop.time() + timeout, timeout)
        self._watch(timeout)
        self._flush_soon()
        return answer

    def notify(self, method: str, params: Mapping[str, Any] | None = None) -> None:
        """Send without wanting an answer; nothing happens when the connection has ended."""
        if self._ended is None:
            self._protocol.notify(method, params or {})
            self._flush_soon()

    async def close(self) -> None:
        """End the connection; calls that wait get `NotReachable`."""
        self._on_closed = None
        self._flush()
        self._end(NotReachable(f"The connection to {self._name} was closed."))
        if self._transport is not None:
            await self._gone.wait()

    # what the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are of a class of their own

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._protocol.receive_data(data)
        except ControlError as error:
            self._end(error)
            return
        if not self._greeted.done() and self._protocol.greeting is not None:
            self._greeted.set_result(None)
        for message in messages:
            if isinstance(message, Response):
                self._answered(message)
            elif self._on_notification is not None:
                self._notified(message, self._on_notification)

    def connection_lost(self, error: Exception | None) -> None:
        self._gone.set()
        if isinstance(error, OSError):
            self._end(NotReachable(f"The connection to {self._name} broke: {error.strerror or error}."))
        else:
            self._end(NotReachable(f"The program {self._name} closed the connection: it stops or restarts."))

    # sending

    def _flush_soon(self) -> None:
        if not self._is_flush_due:
            self._is_flush_due = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._is_flush_due = False
        if self._ended is None and self._transport is not None and (data := self._protocol.take_output()):
            self._transport.write(data)

    # answers, and those that do not come

    def _answered(self, response: Response) -> None:
        self._deadlines.pop(response.id, None)
        answer = self._waiting.pop(response.id, None)
        if answer is None or answer.done():
            return  # too late: the caller has given up
        if response.error is not None:
            answer.set_exception(response.error)
        else:
            answer.set_result(response.result)

    @staticmethod
    def _notified(notification: Request, listener: Listener) -> None:
        try:
            listener(notification.method, notification.params)
        except Exception:
            log.exception("the listener failed on the notification %s", notification.method)

    def _watch(self, seconds: float) -> None:
        """Wake up in that time, unless a wake-up comes before."""
        if self._alarm is not None:
            if self._alarm.when() <= self._loop.time() + seconds:
                return
            self._alarm.cancel()
        self._alarm = self._loop.call_later(seconds, self._look_at_deadlines)

    def _look_at_deadlines(self) -> None:
        self._alarm = None
        now = self._loop.time()
        late = [number for number, (deadline, _) in self._deadlines.items() if deadline <= now]
        for number in late:
            _, given = self._deadlines.pop(number)
            answer = self._waiting.pop(number, None)
            if answer is not None and not answer.done():
                answer.set_exception(
                    NoAnswerInTime(f"The program {self._name} does not answer within {given:g} seconds.")
                )
        if self._deadlines:
            self._watch(max(min(self._deadlines.values())[0] - now, 0.001))

    # the end

    def _drop(self) -> None:
        """The connection was never of use, so nobody is told that it ended."""
        self._on_closed = None
        self._end(NotReachable(f"The connection to {self._name} was closed."))

    def _end(self, reason: ControlError) -> None:
        if self._ended is not None:
            return
        self._ended = reason
        if self._transport is not None:
            self._transport.close()
        if self._alarm is not None:
            self._alarm.cancel()
        waiting, self._waiting = self._waiting, {}
        self._deadlines.clear()
        for answer in waiting.values():
            if not answer.done():
                answer.set_exception(reason)
        if not self._greeted.done():
            self._greeted.set_exception(reason)
            return
        if self._on_closed is not None:
            self._on_closed(reason)
