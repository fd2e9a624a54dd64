"""A request that is tried at one place after another until somebody answers: RFC 3263 §4.3, RFC 3261 §18.1.1.

Theory of operation. `run` takes the next way, looks up and connects where that is needed, sends, and ends; what comes
back decides whether there is another `run`. A try has failed when it cannot be sent, when nothing at all came back in
time, or when the answer is 503. Any other answer settles it: from then on the listener hears the transaction as if it
had sent the request itself.

Each try is a copy with a branch of its own, and so a transaction of its own. One that was given up may yet be answered:
an INVITE is cancelled, and a 2xx that crosses the CANCEL is told to the listener, who has to acknowledge it.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from sip_daemon.endpoint.listeners import ClientEvent, Listener
from sip_daemon.endpoint.timers import Handle
from sip_daemon.errors import TransportError
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import Request
from sip_daemon.transaction import ClientTransaction, ResponseReceived, TimedOut
from sip_daemon.transport import Target

if TYPE_CHECKING:
    from sip_daemon.endpoint.endpoint import Endpoint
    from sip_daemon.endpoint.router import Router

logger = logging.getLogger("sip_daemon.endpoint")

TRY_SECONDS: Final = 4.0
"""Without any answer, before the next place is tried: five transmissions over UDP. RFC 3263 would wait for timer B, and
nobody holds a telephone to his ear for 32 s."""

NOWHERE: Final = Flow(TransportProtocol.TCP, TransportAddress("0.0.0.0", 0), TransportAddress("0.0.0.0", 0), -1)  # noqa: S104
"""A flow that is gone: whoever sends on it hears `TransportFailed` in the usual manner."""

Way: TypeAlias = Flow | Target


@dataclass(slots=True, eq=False)
class SentRequest:
    """What `Endpoint.send_request_to` gives back."""

    _endpoint: Endpoint
    transaction: ClientTransaction | None = None
    """The present try; None while the first place is looked up."""

    def cancel(self, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Cancel an INVITE; the listener hears its end as ever."""
        if self.transaction is not None:
            self._endpoint.cancel(self.transaction, headers)


class RoutedRequest(SentRequest):
    """One request under way. `ways` are tried in order; without any, they are looked up first.

    `patience` is how long the last one may be silent; None leaves it to the transaction.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        router: Router,
        request: Request,
        listener: Listener,
        *,
        ways: Sequence[Way] = (),
        near: Flow | None = None,
        patience: float | None = None,
    ) -> None:
        super().__init__(endpoint)
        self._router = router
        self._request = request
        self._listener = listener
        self._ways: deque[Way] | None = deque(ways) if ways else None
        self._near = near
        self._patience = patience
        self._way: Way | None = None
        self._is_answered = False
        self._is_cancelled = False
        self._last: ClientEvent | None = None
        self._timer: Handle | None = None

    def cancel(self, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Also while it is looked up: nothing is sent then."""
        self._is_cancelled = True
        self._stop_timer()
        super().cancel(headers)

    async def run(self) -> None:
        """Send it at the next place that takes it; fail when there is none."""
        try:
            if self._ways is None:
                self._ways = deque(await self._router.ways(self._request, self._near))
            while self._ways and not self._is_cancelled:
                self._way = self._ways.popleft()
                if await self._send():
                    return
        except TransportError as error:
            logger.info("%s to %s cannot be sent: %s", self._request.method, self._request.uri.host, error)
        self._fail()

    async def _send(self) -> bool:
        assert self._way is not None
        try:
            flow = self._way if isinstance(self._way, Flow) else await self._router.connect(self._way)
        except TransportError as error:
            logger.info("%s is passed over: %s", self._way, error)
            self._router.note_trouble(self._way)
            return False
        if self._is_cancelled:
            return False
        self._is_answered = False
        self.transaction = self._endpoint.send_request(self._request.copy(), flow, self._hear)
        seconds = TRY_SECONDS if self._ways else self._patience
        if seconds is not None:
            self._timer = self._endpoint.call_later(seconds, self._lose_patience)
        return True

    def _hear(self, event: ClientEvent) -> None:
        is_response = isinstance(event, ResponseReceived)
        if event.transaction is not self.transaction:
            # A try that was given up. Only a 2xx still concerns anybody: a dialog has begun that must be ended.
            if isinstance(event, ResponseReceived) and event.response.status // 100 == 2:
                self._listener(event)
            return
        self._stop_timer()
        has_failed = not self._is_answered if not is_response else is_unavailable(event)
        self._is_answered |= is_response
        if has_failed and self._way is not None:
            self._router.note_trouble(self._way, retry_after(event))
        if has_failed and self._ways and not self._is_cancelled:
            self._last = event
            self._router.start(self)
        else:
            self._listener(event)

    def _lose_patience(self) -> None:
        """Nothing came back at all. If it still does, the CANCEL follows (RFC 3261 §9.1)."""
        transaction = self.transaction
        if transaction is None or self._way is None or self._is_cancelled:
            return
        self._router.note_trouble(self._way)
        self._last = TimedOut(transaction)
        self.transaction = None
        if transaction.is_invite:
            self._endpoint.cancel(transaction)
        self._router.start(self)

    def give_up(self) -> None:
        """Send it nowhere: too much is under way already."""
        logger.warning(
            "%s to %s is not sent: too many requests are being routed", self._request.method, self._request.uri
        )
        self._fail()

    def _fail(self) -> None:
        if self._last is not None:
            self._listener(self._last)
        else:
            self.transaction = self._endpoint.send_request(self._request.copy(), NOWHERE, self._listener)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def is_unavailable(event: ClientEvent) -> bool:
    return isinstance(event, ResponseReceived) and event.response.status == 503


def retry_after(event: ClientEvent) -> float | None:
    """Seconds for which a 503 wants to be left alone (RFC 3261 §21.5.4)."""
    text = event.response.headers.get("Retry-After") if isinstance(event, ResponseReceived) else None
    digits = (text or "").partition(";")[0].partition("(")[0].strip()
    return float(digits) if digits.isascii() and digits.isdigit() and len(digits) < 8 else None


def by_stream(target: Target) -> Target:
    """The same place over TCP."""
    return replace(target, transport=TransportProtocol.TCP)
