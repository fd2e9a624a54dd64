"""The transaction layer: matching (RFC 3261 §17.1.3, §17.2.3), CANCEL, ACK, merged requests, failing transports."""

from __future__ import annotations

import pytest

from sip_daemon.errors import LocalProtocolError, RemoteProtocolError
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import Request, Response, parse_message
from sip_daemon.transaction import (
    AckReceived,
    CancelReceived,
    RequestReceived,
    ResponseReceived,
    ServerTransaction,
    State,
    StrayResponse,
    TimedOut,
    TransactionLayer,
    TransportFailed,
)
from tests.support.transactions import TCP, UDP, event_names, first_lines, make_request, make_response

NOW = 1_000.0
STRANGER = Flow(TransportProtocol.UDP, UDP.local, TransportAddress("203.0.113.9", 5060))


def receive(layer: TransactionLayer, request: Request, flow: Flow = UDP, now: float = NOW) -> ServerTransaction:
    """Give a new request to the layer and return the transaction that the user is shown."""
    layer.receive(request, flow, now)
    event = layer.take_events()[-1]
    assert isinstance(event, RequestReceived)
    return event.transaction


def sent(layer: TransactionLayer) -> list[str]:
    return first_lines(layer.take_outputs())


def is_empty(layer: TransactionLayer) -> bool:
    counts = layer.counts()
    return (counts.server, counts.client, counts.half_open, layer.next_timer()) == (0, 0, 0, None)


class TestServerMatching:
    def test_a_new_request_is_shown_with_its_transaction_and_flow(self) -> None:
        layer, request = TransactionLayer(), make_request("OPTIONS")
        layer.receive(request, UDP, NOW)
        (event,) = layer.take_events()
        assert isinstance(event, RequestReceived)
        assert event.request is request
        assert event.transaction.request is request
        assert event.flow == event.transaction.flow == UDP
        assert not event.transaction.is_invite

    def test_a_repetition_is_answered_inside(self) -> None:
        layer = TransactionLayer()
        layer.respond(receive(layer, make_request("OPTIONS")), make_response(make_request("OPTIONS"), 200), NOW)
        layer.receive(make_request("OPTIONS"), UDP, NOW + 1)
        assert layer.take_events() == []
        assert sent(layer) == ["200", "200"]

    @pytest.mark.parametrize(
        "other",
        [
            make_request("OPTIONS", branch="z9hG4bKother"),
            make_request("OPTIONS", sent_by="192.0.2.8:5062"),
            make_request("OPTIONS", sent_by="192.0.2.7:5063"),
            make_request("REGISTER"),
        ],
        ids=["branch", "sent-by host", "sent-by port", "method"],
    )
    def test_branch_sent_by_and_method_must_all_be_the_same(self, other: Request) -> None:
        layer = TransactionLayer()
        receive(layer, make_request("OPTIONS"))
        receive(layer, other)
        assert layer.counts().server == 2

    def test_the_answer_goes_to_where_the_request_came_from(self) -> None:
        layer = TransactionLayer()
        request = make_request("OPTIONS")
        layer.respond(receive(layer, request, STRANGER), make_response(request, 200), NOW)
        assert [output.flow for output in layer.take_outputs()] == [STRANGER]

    def test_a_request_whose_identity_cannot_be_read_leaves_nothing(self) -> None:
        layer, request = TransactionLayer(), make_request("INVITE")
        request.headers.set("CSeq", "none")
        with pytest.raises(RemoteProtocolError):
            layer.receive(request, UDP, NOW)
        assert is_empty(layer)

    def test_100_goes_out_after_200_ms(self) -> None:
        layer = TransactionLayer()
        receive(layer, make_request("INVITE"))
        assert layer.next_timer() == NOW + 0.2
        layer.handle_timer(NOW + 0.2)
        assert sent(layer) == ["100"]


@pytest.mark.parametrize("branch", [None, "1234", "z9hG4bK"], ids=["none", "no cookie", "bare cookie"])
class TestServerMatchingOfRfc2543:
    """Without a unique branch, by request-URI, tags, Call-ID, CSeq and top Via (§17.2.3; RFC 4475 §3.2.1)."""

    def test_a_repetition_is_recognised(self, branch: str | None) -> None:
        layer = TransactionLayer()
        receive(layer, make_request("OPTIONS", branch=branch))
        layer.receive(make_request("OPTIONS", branch=branch), UDP, NOW)
        assert layer.take_events() == []

    @pytest.mark.parametrize(
        "changed",
        [{"cseq": 2}, {"call_id": "call-2"}, {"from_tag": "x"}, {"to_tag": "x"}, {"uri": "sip:201@192.0.2.1"}],
    )
    def test_every_part_counts(self, branch: str | None, changed: dict[str, str]) -> None:
        layer = TransactionLayer()
        receive(layer, make_request("OPTIONS", branch=branch))
        receive(layer, make_request("OPTIONS", branch=branch, **changed))  # type: ignore[arg-type]

    def test_the_same_words_from_another_address_match_nothing(self, branch: str | None) -> None:
        layer = TransactionLayer()
        receive(layer, make_request("OPTIONS", branch=branch))
        receive(layer, make_request("OPTIONS", branch=branch), STRANGER)

    def test_the_ack_of_a_refusal_with_the_tag_of_the_response_matches(self, branch: str | None) -> None:
        layer, invite = TransactionLayer(), make_request("INVITE", branch=branch)
        transaction = receive(layer, invite)
        layer.respond(transaction, make_response(invite, 486, "ours"), NOW)
        layer.receive(make_request("ACK", branch=branch, to_tag="ours"), UDP, NOW)
        assert layer.take_events() == []
        assert transaction.state == "confirmed"

    def test_an_ack_with_another_to_tag_is_not_ours(self, branch: str | None) -> None:
        layer, invite = TransactionLayer(), make_request("INVITE", branch=branch)
        transaction = receive(layer, invite)
        layer.respond(transaction, make_response(invite, 486, "ours"), NOW)
        layer.receive(make_request("ACK", branch=branch, to_tag="theirs"), UDP, NOW)
        assert event_names(layer.take_events()) == ["AckReceived"]
        assert transaction.state == "completed"

    def test_a_cancel_finds_its_invite(self, branch: str | None) -> None:
        layer = TransactionLayer()
        receive(layer, make_request("INVITE", branch=branch))
        layer.receive(make_request("CANCEL", branch=branch), UDP, NOW)
        assert event_names(layer.take_events()) == ["CancelReceived"]


class TestAck:
    def test_the_ack_of_a_refusal_is_absorbed(self) -> None:
        layer, invite = TransactionLayer(), make_request("INVITE")
        transaction = receive(layer, invite)
        layer.respond(transaction, make_response(invite, 486), NOW)
        layer.receive(make_request("ACK", to_tag="callee"), UDP, NOW)
        assert layer.take_events() == []
        assert transaction.state is State.CONFIRMED

    def test_the_ack_of_a_2xx_has_a_branch_of_its_own_and_goes_up(self) -> None:
        layer, invite = TransactionLayer(), make_request("INVITE")
        layer.respond(receive(layer, invite), make_response(invite, 200), NOW)
        ack = make_request("ACK", branch="z9hG4bKack", to_tag="callee")
        layer.receive(ack, UDP, NOW)
        assert layer.take_events() == [AckReceived(ack, UDP)]

    def test_an_ack_makes_no_transaction(self) -> None:
        layer = TransactionLayer()
        layer.receive(make_request("ACK"), UDP, NOW)
        assert is_empty(layer)


class TestCancel:
    """RFC 3261 §9.2."""

    def test_it_is_answered_200_and_shown_with_the_invite(self) -> None:
        layer = TransactionLayer()
        transaction = receive(layer, make_request("INVITE"))
        cancel = make_request("CANCEL")
        layer.receive(cancel, UDP, NOW)
        assert layer.take_events() == [CancelReceived(transaction, cancel)]
        assert sent(layer) == ["200"]

    def test_its_answer_has_the_to_tag_of_the_invites_answers(self) -> None:
        layer, invite = TransactionLayer(), make_request("INVITE")
        layer.respond(receive(layer, invite), make_response(invite, 180, "ringing"), NOW)
        layer.take_outputs()
        layer.receive(make_request("CANCEL"), UDP, NOW)
        answer = parse_message(layer.take_outputs()[0].data)
        assert answer.to.tag == "ringing"

    def test_without_an_invite_it_is_answered_481_and_leaves_nothing(self) -> None:
        layer = TransactionLayer()
        layer.receive(make_request("CANCEL"), UDP, NOW)
        assert sent(layer) == ["481"]
        assert is_empty(layer)

    def test_the_481_is_the_same_each_time(self) -> None:
        layer = TransactionLayer()
        layer.receive(make_request("CANCEL"), UDP, NOW)
        layer.receive(make_request("CANCEL"), UDP, NOW + 1)
        first, second = layer.take_outputs()
        assert first == second

    def test_it_has_no_effect_once_the_invite_has_a_final_answer(self) -> None:
        layer, invite = TransactionLayer(), make_request("INVITE")
        layer.respond(receive(layer, invite), make_response(invite, 200), NOW)
        layer.receive(make_request("CANCEL"), UDP, NOW)
        assert layer.take_events() == []
        assert sent(layer) == ["200", "200"]

    def test_a_repetition_is_answered_again_and_not_shown_again(self) -> None:
        layer = TransactionLayer()
        receive(layer, make_request("INVITE"))
        layer.receive(make_request("CANCEL"), UDP, NOW)
        layer.receive(make_request("CANCEL"), UDP, NOW + 0.5)
        assert event_names(layer.take_events()) == ["CancelReceived"]
        assert sent(layer) == ["200", "200"]


class TestMergedRequests:
    """RFC 3261 §8.2.2.2: the same request by two ways."""

    @pytest.mark.parametrize("method", ["INVITE", "SUBSCRIBE"])
    def test_the_second_way_finds_the_first(self, method: str) -> None:
        layer = TransactionLayer()
        first = receive(layer, make_request(method))
        second = receive(layer, make_request(method, branch="z9hG4bKotherway"))
        assert layer.find_merged(first) is None
        assert layer.find_merged(second) is first

    @pytest.mark.parametrize("changed", [{"from_tag": "x"}, {"call_id": "x"}, {"cseq": 2}, {"to_tag": "x"}])
    def test_another_request_is_not_merged(self, changed: dict[str, str]) -> None:
        layer = TransactionLayer()
        receive(layer, make_request("INVITE"))
        other = receive(layer, make_request("INVITE", branch="z9hG4bKother", **changed))  # type: ignore[arg-type]
        assert layer.find_merged(other) is None

    def test_what_has_ended_is_not_found(self) -> None:
        layer, invite = TransactionLayer(), make_request("INVITE")
        layer.respond(receive(layer, invite), make_response(invite, 200), NOW)
        layer.handle_timer(NOW + 32)
        second = receive(layer, make_request("INVITE", branch="z9hG4bKotherway"), now=NOW + 33)
        assert layer.find_merged(second) is None

    def test_a_second_register_is_no_merged_request(self) -> None:
        layer = TransactionLayer()
        receive(layer, make_request("REGISTER"))
        assert layer.find_merged(receive(layer, make_request("REGISTER", branch="z9hG4bKother"))) is None


class TestClient:
    def test_a_response_finds_its_request_by_branch_and_cseq_method(self) -> None:
        layer, request = TransactionLayer(), make_request("OPTIONS")
        transaction = layer.request(request, UDP, NOW)
        response = make_response(request, 200)
        layer.receive(response, TCP, NOW)
        assert layer.take_events() == [ResponseReceived(transaction, response, TCP)]

    @pytest.mark.parametrize("strange", ["branch", "method", "two vias", "no branch"])
    def test_a_response_to_nothing_is_shown_as_stray(self, strange: str) -> None:
        layer, request = TransactionLayer(), make_request("OPTIONS")
        layer.request(request, UDP, NOW)
        match strange:
            case "branch":
                response = make_response(make_request("OPTIONS", branch="z9hG4bKelse"), 200)
            case "method":
                response = make_response(make_request("OPTIONS", cseq_method="INVITE"), 200)
            case "two vias":  # §8.1.3.3: it was meant for somebody else
                response = make_response(request, 200)
                response.headers.add("Via", "SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKbehind")
            case _:
                response = make_response(make_request("OPTIONS", branch=None), 200)
        layer.receive(response, UDP, NOW)
        assert layer.take_events() == [StrayResponse(response, UDP)]

    def test_a_response_that_cannot_be_read_is_dropped(self) -> None:
        layer, response = TransactionLayer(), Response(200)
        response.headers.add("Via", "nonsense")
        layer.receive(response, UDP, NOW)
        assert layer.take_events() == []

    def test_no_answer_at_all_is_a_timeout(self) -> None:
        layer = TransactionLayer()
        transaction = layer.request(make_request("OPTIONS"), UDP, NOW)
        layer.handle_timer(NOW + 32)
        assert layer.take_events() == [TimedOut(transaction)]
        assert is_empty(layer)

    @pytest.mark.parametrize("method", ["ACK", "CANCEL"])
    def test_ack_and_cancel_cannot_start_a_transaction(self, method: str) -> None:
        with pytest.raises(LocalProtocolError):
            TransactionLayer().request(make_request(method), UDP, NOW)

    def test_a_branch_serves_once(self) -> None:
        layer = TransactionLayer()
        layer.request(make_request("OPTIONS"), UDP, NOW)
        with pytest.raises(LocalProtocolError):
            layer.request(make_request("OPTIONS"), UDP, NOW)

    def test_a_cancel_goes_out_after_the_first_provisional_response(self) -> None:
        layer, invite = TransactionLayer(), make_request("INVITE")
        transaction = layer.request(invite, UDP, NOW)
        layer.cancel(transaction, NOW, [("Reason", "SIP;cause=200")])
        assert sent(layer) == ["INVITE"]
        layer.receive(make_response(invite, 100), UDP, NOW + 1)
        (output,) = layer.take_outputs()
        assert first_lines([output]) == ["CANCEL"]
        assert b"Reason: SIP;cause=200\r\n" in output.data

    def test_a_cancel_is_repeated_and_its_answer_is_nobodys_business(self) -> None:
        layer, invite = TransactionLayer(), make_request("INVITE")
        transaction = layer.request(invite, UDP, NOW)
        layer.receive(make_response(invite, 180), UDP, NOW)
        layer.cancel(transaction, NOW)
        layer.take_events()
        layer.take_outputs()
        layer.handle_timer(NOW + 0.5)
        assert sent(layer) == ["CANCEL"]
        layer.receive(make_response(make_request("CANCEL"), 200), UDP, NOW + 0.6)
        assert layer.take_events() == []

    def test_a_cancel_that_nobody_answers_is_silent_but_its_invite_times_out(self) -> None:
        layer, invite = TransactionLayer(), make_request("INVITE")
        transaction = layer.request(invite, UDP, NOW)
        layer.receive(make_response(invite, 180), UDP, NOW)
        layer.cancel(transaction, NOW)
        layer.take_events()
        layer.handle_timer(NOW + 32)
        assert layer.take_events() == [TimedOut(transaction)]
        assert is_empty(layer)

    def test_only_an_invite_can_be_cancelled(self) -> None:
        layer = TransactionLayer()
        transaction = layer.request(make_request("OPTIONS"), UDP, NOW)
        with pytest.raises(LocalProtocolError):
            layer.cancel(transaction, NOW)


class TestFailingTransport:
    def test_every_transaction_of_a_closed_connection_fails(self) -> None:
        layer = TransactionLayer()
        client = layer.request(make_request("OPTIONS"), TCP, NOW)
        server = receive(layer, make_request("INVITE", branch="z9hG4bKincoming"), TCP)
        layer.transport_failed(TCP, NOW)
        failed = {event.transaction for event in layer.take_events() if isinstance(event, TransportFailed)}
        assert failed == {client, server}
        assert is_empty(layer)

    def test_other_connections_go_on(self) -> None:
        layer = TransactionLayer()
        layer.request(make_request("OPTIONS"), UDP, NOW)
        layer.transport_failed(TCP, NOW)
        assert layer.take_events() == []
        assert layer.counts().client == 1

    def test_an_unreachable_udp_peer_fails_a_request_of_ours(self) -> None:
        layer = TransactionLayer()
        transaction = layer.request(make_request("INVITE"), UDP, NOW)
        layer.transport_failed(UDP, NOW)
        assert layer.take_events() == [TransportFailed(transaction)]

    def test_an_incoming_invite_on_udp_survives_and_can_still_be_answered(self) -> None:
        """RFC 6026: the user is told and may try again."""
        layer, invite = TransactionLayer(), make_request("INVITE")
        transaction = receive(layer, invite)
        layer.transport_failed(UDP, NOW)
        assert layer.take_events() == [TransportFailed(transaction)]
        layer.respond(transaction, make_response(invite, 486), NOW)
        assert sent(layer) == ["486"]

    def test_an_answer_after_the_end_is_dropped(self) -> None:
        layer, invite = TransactionLayer(), make_request("INVITE")
        transaction = receive(layer, invite, TCP)
        layer.transport_failed(TCP, NOW)
        layer.respond(transaction, make_response(invite, 486), NOW)
        assert sent(layer) == []
        assert is_empty(layer)


def test_a_refusal_without_state_is_sent_once_and_forgotten() -> None:
    """RFC 3261 §8.2.7: a challenge to a forged address draws one answer, and a repetition is a new request."""
    layer, invite = TransactionLayer(), make_request("INVITE")
    layer.refuse(receive(layer, invite), make_response(invite, 401), NOW)
    assert sent(layer) == ["401"]
    assert is_empty(layer)
    receive(layer, invite)


@pytest.mark.parametrize("method", ["REGISTER", "INVITE"])
def test_what_was_refused_without_state_keeps_no_request_though_its_timer_was_set(method: str) -> None:
    """Half of all requests are challenged: their messages would be in memory for another 32 s."""
    layer, request = TransactionLayer(), make_request(method)
    transaction = receive(layer, request)
    layer.refuse(transaction, make_response(request, 401), NOW)
    with pytest.raises(LocalProtocolError):
        _ = transaction.request
