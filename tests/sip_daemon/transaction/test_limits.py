"""What a flood meets: 503 without state, while what is established goes on."""

from __future__ import annotations

from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import parse_message
from sip_daemon.transaction import RequestReceived, ServerTransaction, TransactionLayer, TransactionLimits
from tests.support.transactions import UDP, event_names, first_lines, make_request, make_response

NOW = 1_000.0
OTHER = Flow(TransportProtocol.UDP, UDP.local, TransportAddress("203.0.113.9", 5060))
LIMITS = TransactionLimits(max_server_transactions=4, dialog_reserve=1, max_half_open_per_source=2, retry_after=7)


def flood(layer: TransactionLayer, count: int, method: str = "INVITE", flow: Flow = UDP) -> list[ServerTransaction]:
    """That many new requests; returns the transactions of those that were let in."""
    for number in range(count):
        branch = f"z9hG4bK{method}{flow.remote.host}{number}"
        layer.receive(make_request(method, branch=branch, call_id=branch), flow, NOW)
    return [event.transaction for event in layer.take_events() if isinstance(event, RequestReceived)]


def answer(layer: TransactionLayer, transaction: ServerTransaction, status: int) -> None:
    layer.respond(transaction, make_response(transaction.request, status), NOW)
    layer.take_outputs()


def test_half_open_transactions_of_one_source_are_bounded() -> None:
    layer = TransactionLayer(limits=LIMITS)
    assert len(flood(layer, 3)) == 2
    assert layer.counts().refused == 1


def test_another_source_is_not_punished() -> None:
    layer = TransactionLayer(limits=LIMITS)
    flood(layer, 3)
    assert len(flood(layer, 1, flow=OTHER)) == 1


def test_beyond_the_bound_the_answer_is_503_with_retry_after_and_no_state() -> None:
    layer = TransactionLayer(limits=LIMITS)
    flood(layer, 3)
    (output,) = layer.take_outputs()
    response = parse_message(output.data)
    assert first_lines([output]) == ["503"]
    assert response.headers.get("Retry-After") == "7"
    assert response.to.tag
    assert layer.counts().server == 2


def test_an_answered_request_is_no_longer_half_open() -> None:
    layer = TransactionLayer(limits=LIMITS)
    for transaction in flood(layer, 2, "OPTIONS"):
        answer(layer, transaction, 200)
    assert layer.counts().half_open == 0
    assert len(flood(layer, 1, "INVITE")) == 1


def test_a_refused_invite_is_half_open_until_its_ack() -> None:
    layer = TransactionLayer(limits=LIMITS)
    (transaction,) = flood(layer, 1)
    branch = transaction.request.top_via.branch
    answer(layer, transaction, 401)
    assert layer.counts().half_open == 1
    layer.receive(make_request("ACK", branch=branch, to_tag="callee"), UDP, NOW)
    assert layer.counts().half_open == 0


def test_a_2xx_ends_being_half_open() -> None:
    layer = TransactionLayer(limits=LIMITS)
    (transaction,) = flood(layer, 1)
    answer(layer, transaction, 200)
    assert layer.counts().half_open == 0


def test_the_oldest_answered_request_makes_room_for_a_new_one() -> None:
    layer = TransactionLayer(limits=LIMITS)
    for method in ("OPTIONS", "REGISTER"):
        for transaction in flood(layer, 2, method):
            answer(layer, transaction, 200)
    assert len(flood(layer, 1, "INVITE")) == 1
    counts = layer.counts()
    assert (counts.server, counts.refused) == (4, 0)


def test_at_the_total_bound_new_requests_are_refused() -> None:
    layer = TransactionLayer(limits=LIMITS)
    assert len(flood(layer, 2) + flood(layer, 2, flow=OTHER)) == 4
    third = Flow(TransportProtocol.UDP, UDP.local, TransportAddress("198.51.100.3", 5060))
    assert flood(layer, 1, flow=third) == []


def test_a_bye_gets_through_when_new_calls_do_not() -> None:
    layer = TransactionLayer(limits=LIMITS)
    flood(layer, 2)
    flood(layer, 2, flow=OTHER)
    layer.receive(make_request("BYE", branch="z9hG4bKbye", to_tag="callee"), UDP, NOW)
    assert event_names(layer.take_events()) == ["RequestReceived"]


def test_the_reserve_for_dialogs_has_an_end_too() -> None:
    layer = TransactionLayer(limits=LIMITS)
    flood(layer, 2)
    flood(layer, 2, flow=OTHER)
    for number in range(3):
        layer.receive(make_request("BYE", branch=f"z9hG4bKbye{number}", to_tag="callee"), UDP, NOW)
    assert event_names(layer.take_events()) == ["RequestReceived"]
    assert layer.counts().server == 5


def test_repetitions_acks_and_cancels_of_what_exists_are_served_beyond_the_bound() -> None:
    layer = TransactionLayer(limits=LIMITS)
    first, second = flood(layer, 2)
    flood(layer, 2, flow=OTHER)
    layer.take_outputs()
    layer.receive(make_request("CANCEL", branch=first.request.top_via.branch), UDP, NOW)
    assert event_names(layer.take_events()) == ["CancelReceived"]
    answer(layer, second, 486)
    layer.receive(make_request("ACK", branch=second.request.top_via.branch, to_tag="callee"), UDP, NOW)
    assert second.state == "confirmed"


def test_room_returns_when_transactions_end() -> None:
    layer = TransactionLayer(limits=LIMITS)
    for transaction in flood(layer, 2):
        answer(layer, transaction, 486)
    layer.handle_timer(NOW + 32)
    layer.take_events()
    assert layer.counts().half_open == 0
    layer.receive(make_request("INVITE", branch="z9hG4bKlater"), UDP, NOW + 33)
    assert event_names(layer.take_events()) == ["RequestReceived"]
