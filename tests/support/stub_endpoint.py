"""An endpoint without network for one end of an INVITE: it keeps what is sent, and its timers run on a manual clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sip_daemon.endpoint import ClientEvent, Handle
from sip_daemon.endpoint.timers import TimerHeap
from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response
from tests.support.clock import ManualClock


@dataclass
class StubEndpoint:
    """`sent` has a word for each message, in order: the status of a response, the method of a request."""

    clock: ManualClock = field(default_factory=ManualClock)
    sent: list[str] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    timers: TimerHeap = field(default_factory=TimerHeap)

    def now(self) -> float:
        return self.clock.now

    def call_later(self, delay: float, callback: Callable[[], None]) -> Handle:
        return self.timers.call_at(self.clock.now + delay, callback)

    def respond(self, transaction: object, response: Response) -> None:
        self._note(response)

    def send_again(self, response: Response, flow: Flow) -> None:
        self._note(response)

    def send_ack_to(self, request: Request, flow: Flow) -> None:
        self._send(request)

    def send_request_to(
        self,
        request: Request,
        listener: Callable[[ClientEvent], None],
        flow: Flow | None = None,
        *,
        patience: float | None = None,
    ) -> StubEndpoint:
        """What it returns can be cancelled, as a `SentRequest` can."""
        self._send(request)
        return self

    def cancel(self, headers: Sequence[tuple[str, str]] = ()) -> None:
        self.sent.append("CANCEL")

    def pass_time(self, seconds: float) -> None:
        def handle(now: float) -> None:
            while (callback := self.timers.take_due(now)) is not None:
                callback()

        self.clock.run_until(self.clock.now + seconds, self.timers.next_timer, handle)

    def _note(self, response: Response) -> None:
        self.sent.append(str(response.status))
        self.responses.append(response)

    def _send(self, request: Request) -> None:
        self.sent.append(request.method)
        self.requests.append(request)
