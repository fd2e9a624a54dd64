"""Two layers joined in memory: whatever is lost, doubled or overtaken, each side hears once and nothing is left."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip_daemon.flow import TransportProtocol
from sip_daemon.transaction import (
    AckReceived,
    CancelReceived,
    RequestReceived,
    ResponseReceived,
    TimedOut,
    TransactionEvent,
    TransactionLayer,
)
from tests.support.transactions import Fate, Network, Side, make_request, make_response

D, L, U, S = Fate.DELIVER, Fate.LOSE, Fate.DUPLICATE, Fate.DELAY


class Callee:
    """Answers what comes with the given statuses: provisional ones at once, the final one too unless told to wait."""

    def __init__(self, *statuses: int) -> None:
        self.side = Side(TransactionLayer(), self.answer)
        self._statuses = statuses

    def answer(self, event: TransactionEvent, now: float) -> None:
        match event:
            case RequestReceived(transaction=transaction, request=request):
                for status in self._statuses:
                    self.side.layer.respond(transaction, make_response(request, status), now)
            case CancelReceived(transaction=transaction):
                self.side.layer.respond(transaction, make_response(transaction.request, 487), now)


def join(
    callee: Callee,
    outbound: Sequence[Fate] = (),
    inbound: Sequence[Fate] = (),
    transport: TransportProtocol = TransportProtocol.UDP,
) -> Network:
    """A network that treats the caller's messages as `outbound` says and the callee's as `inbound`."""
    caller = Side(TransactionLayer(), fates=list(outbound))
    callee.side.fates = list(inbound)
    return Network(caller, callee.side, transport)


def start(network: Network, method: str) -> None:
    network.caller.layer.request(make_request(method), network.caller_flow, network.now)


def finals(side: Side) -> list[int]:
    return [
        event.response.status
        for event in side.events
        if isinstance(event, ResponseReceived) and event.response.status >= 200
    ]


def requests(side: Side) -> int:
    return sum(isinstance(event, RequestReceived) for event in side.events)


def assert_nothing_left(network: Network) -> None:
    for side in (network.caller, network.callee):
        counts = side.layer.counts()
        assert (counts.server, counts.client, counts.half_open) == (0, 0, 0)
        assert side.layer.next_timer() is None


PATTERNS = [
    ([], []),
    ([L], []),
    ([L, L, L], []),
    ([], [L]),
    ([], [L, L, L]),
    ([L], [L, L]),
    ([U], [U]),
    ([S], []),
    ([S, D], [S, D]),
    ([D, S], [L, S, U]),
]


@pytest.mark.parametrize(("outbound", "inbound"), PATTERNS)
def test_a_non_invite_request_is_answered_once(outbound: list[Fate], inbound: list[Fate]) -> None:
    network = join(Callee(200), outbound, inbound)
    start(network, "OPTIONS")
    network.run(120)
    assert requests(network.callee) == 1
    assert finals(network.caller) == [200]
    assert_nothing_left(network)


@pytest.mark.parametrize(("outbound", "inbound"), PATTERNS)
def test_a_refused_invite_is_refused_once_and_acknowledged(outbound: list[Fate], inbound: list[Fate]) -> None:
    network = join(Callee(180, 486), outbound, inbound)
    start(network, "INVITE")
    network.run(120)
    assert requests(network.callee) == 1
    assert finals(network.caller) == [486]
    assert not [event for event in network.callee.events if isinstance(event, AckReceived | TimedOut)]
    assert_nothing_left(network)


def test_a_lost_ack_is_sent_again_for_each_repeated_refusal() -> None:
    network = join(Callee(486), outbound=[D, L, L])
    start(network, "INVITE")
    network.run(120)
    assert network.caller.sent == ["INVITE", "ACK", "ACK", "ACK"]
    assert network.callee.sent == ["486", "486", "486"]
    assert_nothing_left(network)


def test_a_refusal_that_is_never_acknowledged_is_told_to_the_user() -> None:
    network = join(Callee(486), outbound=[D] + [L] * 20)
    start(network, "INVITE")
    network.run(120)
    assert isinstance(network.callee.events[-1], TimedOut)
    assert_nothing_left(network)


def test_an_accepted_invite_that_comes_late_again_rings_nobody() -> None:
    """The reason for RFC 6026: here the first INVITE is overtaken by its repetition."""
    network = join(Callee(200), outbound=[S])
    start(network, "INVITE")
    network.run(120)
    assert requests(network.callee) == 1
    assert finals(network.caller) == [200]
    assert_nothing_left(network)


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
def test_silence_is_a_timeout(method: str) -> None:
    network = join(Callee(200), outbound=[L] * 20)
    start(network, method)
    network.run(120)
    assert [type(event) for event in network.caller.events] == [TimedOut]
    assert_nothing_left(network)


@pytest.mark.parametrize(("outbound", "inbound"), PATTERNS)
def test_a_cancelled_invite_ends_with_487(outbound: list[Fate], inbound: list[Fate]) -> None:
    network = join(Callee(180), outbound, inbound)
    transaction = network.caller.layer.request(make_request("INVITE"), network.caller_flow, network.now)
    network.run(5)
    network.caller.layer.cancel(transaction, network.now)
    network.run(120)
    assert finals(network.caller) == [487]
    assert sum(isinstance(event, CancelReceived) for event in network.callee.events) == 1
    assert_nothing_left(network)


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("INVITE", 486), ("INVITE", 200)])
def test_on_a_reliable_transport_everything_is_sent_once(method: str, status: int) -> None:
    network = join(Callee(status), transport=TransportProtocol.TCP)
    start(network, method)
    network.run(120)
    assert network.caller.sent == ([method, "ACK"] if status == 486 else [method])
    assert network.callee.sent == [str(status)]
    assert_nothing_left(network)


@pytest.mark.parametrize(("method", "status"), [("OPTIONS", 200), ("INVITE", 486)])
def test_on_a_reliable_transport_nothing_lingers(method: str, status: int) -> None:
    """Timers D, I, J and K are zero."""
    network = join(Callee(status), transport=TransportProtocol.TCP)
    start(network, method)
    network.run(0.1)
    assert_nothing_left(network)


@pytest.mark.parametrize("transport", [TransportProtocol.UDP, TransportProtocol.TCP])
def test_after_a_thousand_transactions_nothing_is_left(transport: TransportProtocol) -> None:
    network = join(Callee(200), transport=transport)
    for number in range(1_000):
        method = ("INVITE", "REGISTER", "OPTIONS")[number % 3]
        request = make_request(method, branch=f"z9hG4bK{number}", call_id=f"call-{number}")
        network.caller.layer.request(request, network.caller_flow, network.now)
        network.run(0.01)
    network.run(120)
    assert requests(network.callee) == len(finals(network.caller)) == 1_000
    assert_nothing_left(network)


FATES = st.lists(st.sampled_from(Fate), max_size=12)


@settings(max_examples=150, deadline=None)
@given(FATES, FATES, st.sampled_from(["INVITE", "OPTIONS"]), st.sampled_from([200, 486]))
def test_any_network_gives_one_outcome_and_leaves_nothing(
    outbound: list[Fate], inbound: list[Fate], method: str, status: int
) -> None:
    network = join(Callee(status), outbound, inbound)
    start(network, method)
    network.run(200)
    timeouts = sum(isinstance(event, TimedOut) for event in network.caller.events)
    assert requests(network.callee) <= 1
    assert len(finals(network.caller)) + timeouts >= 1
    if (method, status) != ("INVITE", 200):  # an INVITE may hear the same 2xx again: its user acknowledges each
        assert len(finals(network.caller)) + timeouts == 1
    assert_nothing_left(network)
