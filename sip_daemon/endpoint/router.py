"""Ways to a peer that no flow leads to, and the tasks of the requests that take them.

The rule: what a request without DNS and connection set-up needs is not here. The router remembers for a while which
places did not answer, so that not every call waits for the same dead server.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from sip_daemon.endpoint.next_hop import next_hop
from sip_daemon.endpoint.routed_request import RoutedRequest, Way, by_stream
from sip_daemon.errors import TransportError
from sip_daemon.flow import Flow, TransportProtocol
from sip_daemon.message import Request
from sip_daemon.transport import Target, TransportLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

logger = logging.getLogger("sip_daemon.endpoint")

MAX_DATAGRAM_REQUEST_BYTES: Final = 1300
"""A larger request goes by TCP (RFC 3261 §18.1.1, where the path's MTU is not known)."""
VIA_BYTES: Final = 120
"""The Via, Max-Forwards and User-Agent that sending adds."""
CONNECT_SECONDS: Final = 4.0
"""For a connection; most hosts refuse at once or never answer."""
TROUBLE_SECONDS: Final = 30.0
"""A place that did not answer is tried last for so long."""
NO_STREAM_SECONDS: Final = 600.0
"""A UDP peer that takes no TCP is not asked again for so long."""
MAX_TROUBLE_SECONDS: Final = 300.0
"""However long a Retry-After is."""
MAX_TROUBLED: Final = 512
MAX_TASKS: Final = 512
"""Requests that are being located or connected at once; the next ones fail."""


class Router:
    """Belongs to an endpoint."""

    def __init__(self, transport: TransportLayer, now: Callable[[], float]) -> None:
        self._transport = transport
        self._now = now
        self._troubled: dict[Way, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, routed: RoutedRequest) -> None:
        """Let it go on to its next place."""
        self.spawn(routed.run())

    def spawn(self, work: Coroutine[object, object, None]) -> None:
        """A task of the router's own; it is given up by `close`."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    @property
    def is_full(self) -> bool:
        return len(self._tasks) >= MAX_TASKS

    def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()

    async def ways(self, request: Request, near: Flow | None = None) -> list[Way]:
        """Where `request` may be sent, the best first. Raises `TransportError`.

        `near` is a flow that the peer uses; where it turns out to lead there, it goes first: a name may stand for a
        whole farm, and the dialog is known at this one.
        """
        targets = await self._transport.locate(next_hop(request))
        ways: list[Way] = sorted(targets, key=self._is_troubled)
        if len(bytes(request)) + VIA_BYTES > MAX_DATAGRAM_REQUEST_BYTES:
            ways = [way for target in ways for way in self._for_large(target)]
        if near is not None and any(is_at(near, target) for target in targets):
            ways.insert(0, near)
        return ways

    def _for_large(self, way: Way) -> list[Way]:
        if isinstance(way, Flow) or way.transport is not TransportProtocol.UDP:
            return [way]
        stream = by_stream(way)
        return [way] if self._is_troubled(stream) else [stream, way]

    async def connect(self, target: Target) -> Flow:
        """A flow to `target`. Raises `TransportError`."""
        if target.transport is TransportProtocol.UDP:
            return self._transport.flow_to(target.address)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                return await self._transport.connect(target.transport, target.address)
        except TimeoutError:
            raise TransportError(f"{target} takes no connection") from None

    def note_trouble(self, way: Way, seconds: float | None = None) -> None:
        """`way` did not answer, or wants to be left alone for so long."""
        if isinstance(way, Flow):
            return
        if len(self._troubled) >= MAX_TROUBLED:
            self._troubled.clear()
        usual = TROUBLE_SECONDS if way.transport is TransportProtocol.UDP else NO_STREAM_SECONDS
        until = self._now() + (usual if seconds is None else min(seconds, MAX_TROUBLE_SECONDS))
        self._troubled[way] = until

    def _is_troubled(self, way: Way) -> bool:
        return self._troubled.get(way, 0.0) > self._now()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("routing a request failed", exc_info=task.exception())


def is_at(flow: Flow, target: Target) -> bool:
    return flow.transport is target.transport and flow.remote.host == target.address.host
