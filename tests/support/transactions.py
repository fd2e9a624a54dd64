"""Requests, responses and flows for tests of transactions and dialogs, and two layers joined by a bad network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from heapq import heappop, heappush
from itertools import count

from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import Request, Response, parse_message
from sip_daemon.transaction import TransactionEvent, TransactionLayer
from tests.support.clock import ManualClock

OUR_ADDRESS = TransportAddress("192.0.2.1", 5060)
PHONE_ADDRESS = TransportAddress("192.0.2.7", 5062)
UDP = Flow(TransportProtocol.UDP, OUR_ADDRESS, PHONE_ADDRESS)
TCP = Flow(TransportProtocol.TCP, OUR_ADDRESS, PHONE_ADDRESS, connection=7)

DEFAULT_BRANCH = "z9hG4bKdefault"


def make_request(
    method: str = "OPTIONS",
    *,
    branch: str | None = DEFAULT_BRANCH,
    cseq: int = 1,
    cseq_method: str | None = None,
    call_id: str = "call-1",
    from_tag: str | None = "caller",
    to_tag: str | None = None,
    sent_by: str = "192.0.2.7:5062",
    uri: str = "sip:200@192.0.2.1",
    headers: Iterable[tuple[str, str]] = (),
) -> Request:
    request = Request(method, uri)
    add = request.headers.add
    add("Via", f"SIP/2.0/UDP {sent_by}" + (f";branch={branch}" if branch is not None else ""))
    add("Max-Forwards", "70")
    add("From", "<sip:100@example.com>" + (f";tag={from_tag}" if from_tag is not None else ""))
    add("To", "<sip:200@example.com>" + (f";tag={to_tag}" if to_tag is not None else ""))
    add("Call-ID", call_id)
    add("CSeq", f"{cseq} {cseq_method or method}")
    for name, value in headers:
        add(name, value)
    return request


def make_response(request: Request, status: int, to_tag: str = "callee", *, contact: str | None = None) -> Response:
    response = Response.to_request(request, status, to_tag=None if status == 100 else to_tag)
    if contact is not None:
        response.headers.add("Contact", f"<{contact}>")
    return response


def first_lines(outputs: Iterable[object]) -> list[str]:
    """What was sent, in a word each: the method of a request, the status of a response."""
    words = []
    for output in outputs:
        data: bytes = output.data  # type: ignore[attr-defined]
        line = data.split(b"\r\n", 1)[0].decode()
        words.append(line.split()[1] if line.startswith("SIP/2.0") else line.split()[0])
    return words


def event_names(events: Iterable[object]) -> list[str]:
    return [type(event).__name__ for event in events]


class Fate(Enum):
    """What the network does with one message."""

    DELIVER = "deliver"
    LOSE = "lose"
    DUPLICATE = "duplicate"
    DELAY = "delay"
    """Long enough for a later message to overtake it."""


TransactionUser = Callable[[TransactionEvent, float], None]


@dataclass
class Side:
    """One user agent: its layer, what its user does with an event, and everything that happened."""

    layer: TransactionLayer
    user: TransactionUser = lambda event, now: None
    events: list[TransactionEvent] = field(default_factory=list)
    fates: list[Fate] = field(default_factory=list)
    """Of the messages it sends, in order; when the list is used up everything is delivered."""
    sent: list[str] = field(default_factory=list)


class Network:
    """Two layers joined in memory, in virtual time."""

    LATENCY = 0.02
    DELAY = 0.7

    def __init__(self, caller: Side, callee: Side, transport: TransportProtocol = TransportProtocol.UDP) -> None:
        self.clock = ManualClock()
        self.caller = caller
        self.callee = callee
        connection = 1 if transport.is_reliable else 0
        self.caller_flow = Flow(transport, PHONE_ADDRESS, OUR_ADDRESS, connection)
        self.callee_flow = Flow(transport, OUR_ADDRESS, PHONE_ADDRESS, connection)
        self._under_way: list[tuple[float, int, bytes, bool]] = []
        self._serial = count()

    @property
    def now(self) -> float:
        return self.clock.now

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.clock.now + seconds
        self._exchange()
        while (at := self._next()) is not None and at <= end:
            self.clock.now = max(self.clock.now, at)
            self._deliver_due()
            for side in (self.caller, self.callee):
                side.layer.handle_timer(self.clock.now)
            self._exchange()
        self.clock.now = end

    def _next(self) -> float | None:
        times = [self.caller.layer.next_timer(), self.callee.layer.next_timer()]
        if self._under_way:
            times.append(self._under_way[0][0])
        return min((time for time in times if time is not None), default=None)

    def _deliver_due(self) -> None:
        while self._under_way and self._under_way[0][0] <= self.clock.now:
            _, _, data, to_callee = heappop(self._under_way)
            side, flow = (self.callee, self.callee_flow) if to_callee else (self.caller, self.caller_flow)
            side.layer.receive(parse_message(data), flow, self.clock.now)
            self._exchange()

    def _exchange(self) -> None:
        """Hand events to the users and messages to the network until both sides are quiet."""
        busy = True
        while busy:
            busy = False
            for side in (self.caller, self.callee):
                for event in side.layer.take_events():
                    busy = True
                    side.events.append(event)
                    side.user(event, self.clock.now)
                for output in side.layer.take_outputs():
                    busy = True
                    side.sent += first_lines([output])
                    self._send(output.data, side)

    def _send(self, data: bytes, sender: Side) -> None:
        fate = sender.fates.pop(0) if sender.fates else Fate.DELIVER
        to_callee = sender is self.caller
        if fate is Fate.LOSE:
            return
        at = self.clock.now + (self.DELAY if fate is Fate.DELAY else self.LATENCY)
        for _ in range(2 if fate is Fate.DUPLICATE else 1):
            heappush(self._under_way, (at, next(self._serial), data, to_callee))
