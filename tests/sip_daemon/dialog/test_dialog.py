"""Dialogs: RFC 3261 §12."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sip_daemon.dialog import Dialog, DialogId, DialogState
from sip_daemon.errors import LocalProtocolError, RemoteProtocolError
from sip_daemon.flow import Flow, TransportProtocol
from sip_daemon.message import Request, parse_message
from tests.support.dialogs import (
    OUR_CONTACT,
    PHONE_CONTACT,
    PROXIES,
    make_answer,
    make_invite,
    uac_dialog,
    uas_dialog,
    within,
)
from tests.support.transactions import TCP, UDP, make_request

TLS = Flow(TransportProtocol.TLS, UDP.local, UDP.remote, connection=3)
MOVED = "sip:100@192.0.2.99"


class TestCreationByTheUas:
    """§12.1.1."""

    def test_ids_and_addresses_are_seen_from_our_side(self) -> None:
        dialog = uas_dialog()
        assert dialog.id == DialogId("call-1", local_tag="callee", remote_tag="caller")
        assert str(dialog.local) == "<sip:200@example.com>;tag=callee"
        assert str(dialog.remote) == "<sip:100@example.com>;tag=caller"
        assert not dialog.is_uac

    def test_the_remote_target_is_the_contact_of_the_request(self) -> None:
        assert str(uas_dialog().remote_target) == PHONE_CONTACT

    def test_the_route_set_is_record_route_in_order(self) -> None:
        assert tuple(str(route) for route in uas_dialog(record_route=PROXIES).route_set) == PROXIES

    def test_the_remote_cseq_is_that_of_the_request_and_the_local_one_is_empty(self) -> None:
        dialog = uas_dialog()
        assert (dialog.local_cseq, dialog.remote_cseq) == (0, 10)

    def test_a_caller_without_from_tag_has_an_empty_one(self) -> None:
        """RFC 2543 phones have none."""
        invite = make_request("INVITE", from_tag=None, headers=[("Contact", f"<{PHONE_CONTACT}>")])
        assert Dialog.as_uas(invite, make_answer(invite, 200), UDP).id.remote_tag == ""

    @pytest.mark.parametrize("contact", [None, "*", "<nonsense>"])
    def test_without_a_usable_contact_the_request_is_bad(self, contact: str | None) -> None:
        headers = [] if contact is None else [("Contact", contact)]
        invite = make_request("INVITE", headers=headers)
        with pytest.raises(RemoteProtocolError) as caught:
            Dialog.as_uas(invite, make_answer(invite, 200, OUR_CONTACT), UDP)
        assert caught.value.status == 400

    def test_a_100_makes_no_dialog(self) -> None:
        invite = make_invite(PHONE_CONTACT)
        with pytest.raises(LocalProtocolError):
            Dialog.as_uas(invite, make_answer(invite, 100), UDP)

    def test_a_refusal_makes_no_dialog(self) -> None:
        invite = make_invite(PHONE_CONTACT)
        with pytest.raises(LocalProtocolError):
            Dialog.as_uas(invite, make_answer(invite, 486), UDP)


class TestCreationByTheUac:
    """§12.1.2."""

    def test_ids_and_addresses_are_seen_from_our_side(self) -> None:
        dialog, _ = uac_dialog()
        assert dialog.id == DialogId("call-1", local_tag="caller", remote_tag="callee")
        assert str(dialog.local) == "<sip:100@example.com>;tag=caller"
        assert str(dialog.remote) == "<sip:200@example.com>;tag=callee"
        assert dialog.is_uac

    def test_the_remote_target_is_the_contact_of_the_response(self) -> None:
        assert str(uac_dialog()[0].remote_target) == PHONE_CONTACT

    def test_a_180_without_contact_leaves_the_target_where_the_request_went(self) -> None:
        invite = make_invite(OUR_CONTACT)
        dialog = Dialog.as_uac(invite, make_answer(invite, 180, None), UDP)
        assert str(dialog.remote_target) == "sip:200@192.0.2.1"

    def test_the_route_set_is_record_route_reversed(self) -> None:
        dialog, _ = uac_dialog(record_route=PROXIES)
        assert tuple(str(route) for route in dialog.route_set) == PROXIES[::-1]

    def test_the_local_cseq_is_that_of_the_request_and_the_remote_one_is_empty(self) -> None:
        dialog, _ = uac_dialog()
        assert (dialog.local_cseq, dialog.remote_cseq) == (10, None)

    def test_each_fork_is_a_dialog_of_its_own(self) -> None:
        """§12.1: one INVITE, several To tags."""
        invite = make_invite(OUR_CONTACT)
        first_answer, second_answer = (make_answer(invite, 180, to_tag=tag) for tag in ("one", "two"))
        first, second = (Dialog.as_uac(invite, answer, UDP) for answer in (first_answer, second_answer))
        assert first.id != second.id
        assert first.matches(first_answer)
        assert not first.matches(second_answer)


@pytest.mark.parametrize(
    ("uri", "flow", "secure"),
    [
        ("sips:200@example.com", TLS, True),
        ("sip:200@example.com", TLS, False),
        ("sips:200@example.com", TCP, False),
    ],
)
def test_a_dialog_is_secure_when_a_sips_request_came_over_tls(uri: str, flow: Flow, secure: bool) -> None:
    invite = make_invite(PHONE_CONTACT, uri=uri)
    assert Dialog.as_uas(invite, make_answer(invite, 200), flow).secure is secure
    assert Dialog.as_uac(invite, make_answer(invite, 200), flow).secure is secure


class TestState:
    def test_a_provisional_response_makes_it_early_and_a_2xx_confirmed(self) -> None:
        assert uas_dialog(180).state is DialogState.EARLY
        assert uas_dialog(200).state is DialogState.CONFIRMED

    def test_a_2xx_confirms_an_early_dialog(self) -> None:
        dialog, invite = uac_dialog(180)
        dialog.receive_response(invite, make_answer(invite, 200))
        assert dialog.state is DialogState.CONFIRMED

    def test_our_own_2xx_is_told_by_confirm(self) -> None:
        dialog = uas_dialog(180)
        dialog.confirm()
        assert dialog.state is DialogState.CONFIRMED

    def test_a_2xx_of_another_fork_confirms_nothing(self) -> None:
        dialog, invite = uac_dialog(180)
        dialog.receive_response(invite, make_answer(invite, 200, to_tag="other"))
        assert dialog.state is DialogState.EARLY

    def test_the_2xx_of_another_request_does_not_confirm_an_early_dialog(self) -> None:
        dialog, _ = uac_dialog(180)
        update = dialog.request("UPDATE")
        update.headers.prepend("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKupdate")
        dialog.receive_response(update, make_answer(update, 200))
        assert dialog.state is DialogState.EARLY

    def test_a_2xx_of_another_fork_moves_nothing(self) -> None:
        dialog, invite = uac_dialog(180)
        dialog.receive_response(invite, make_answer(invite, 200, MOVED, PROXIES, to_tag="other"))
        assert (str(dialog.remote_target), dialog.route_set) == (PHONE_CONTACT, ())

    def test_a_100_for_our_bye_does_not_end_it(self) -> None:
        dialog, _ = uac_dialog(180)
        bye = dialog.request("BYE")
        bye.headers.prepend("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKbye")
        dialog.receive_response(bye, make_answer(bye, 100))
        assert dialog.state is DialogState.EARLY

    def test_the_refusal_of_the_invite_ends_an_early_dialog(self) -> None:
        dialog, invite = uac_dialog(180)
        dialog.receive_response(invite, make_answer(invite, 486))
        assert dialog.state is DialogState.TERMINATED

    @pytest.mark.parametrize("status", [408, 481])
    def test_408_and_481_end_a_confirmed_dialog(self, status: int) -> None:
        """§12.2.1.2."""
        dialog, invite = uac_dialog()
        dialog.receive_response(invite, make_answer(invite, status))
        assert dialog.state is DialogState.TERMINATED

    def test_a_refused_re_invite_does_not_end_it(self) -> None:
        """§14.1."""
        dialog, invite = uac_dialog()
        dialog.receive_response(invite, make_answer(invite, 488))
        assert dialog.state is DialogState.CONFIRMED

    def test_a_bye_of_the_peer_ends_it(self) -> None:
        dialog = uas_dialog()
        dialog.receive_request(within(dialog, "BYE", 11))
        assert dialog.state is DialogState.TERMINATED

    @pytest.mark.parametrize(
        ("status", "state"),
        [(200, DialogState.TERMINATED), (500, DialogState.TERMINATED), (401, DialogState.CONFIRMED)],
    )
    def test_our_bye_ends_it_unless_it_is_challenged(self, status: int, state: DialogState) -> None:
        dialog, _ = uac_dialog()
        bye = dialog.request("BYE")
        bye.headers.prepend("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKbye")
        dialog.receive_response(bye, make_answer(bye, status))
        assert dialog.state is state

    def test_terminate_ends_it(self) -> None:
        dialog = uas_dialog()
        dialog.terminate()
        assert dialog.state is DialogState.TERMINATED


class TestRouteSet:
    def test_the_2xx_decides_it_for_good(self) -> None:
        """§13.2.2.4: it is computed anew from the 2xx."""
        dialog, invite = uac_dialog(180, PROXIES)
        dialog.receive_response(invite, make_answer(invite, 200, record_route=PROXIES[:1]))
        assert [str(route) for route in dialog.route_set] == [PROXIES[0]]

    def test_a_later_provisional_response_may_bring_it(self) -> None:
        dialog, invite = uac_dialog(180)
        dialog.receive_response(invite, make_answer(invite, 183, record_route=PROXIES))
        assert len(dialog.route_set) == 2

    def test_a_re_invite_does_not_change_it(self) -> None:
        """§12.2."""
        dialog, invite = uac_dialog(200, PROXIES)
        dialog.receive_response(invite, make_answer(invite, 200, record_route=()))
        assert len(dialog.route_set) == 2


class TestRequests:
    """§12.2.1.1."""

    def test_cseq_counts_up_by_one(self) -> None:
        dialog, _ = uac_dialog()
        assert [dialog.request("OPTIONS").cseq.number for _ in range(3)] == [11, 12, 13]

    def test_the_first_request_of_a_uas_has_a_number_too(self) -> None:
        request = uas_dialog().request("BYE")
        assert (request.cseq.number, request.cseq.method) == (1, "BYE")

    def test_from_is_ours_and_to_is_theirs_with_their_tags(self) -> None:
        dialog = uas_dialog()
        bye = dialog.request("BYE")
        assert (bye.from_.tag, bye.to.tag, bye.call_id) == ("callee", "caller", "call-1")

    def test_without_a_route_set_it_goes_to_the_remote_target(self) -> None:
        bye = uas_dialog().request("BYE")
        assert str(bye.uri) == PHONE_CONTACT
        assert bye.headers.get("Route") is None

    def test_behind_a_loose_router_the_target_is_the_request_uri(self) -> None:
        bye = uas_dialog(record_route=PROXIES).request("BYE")
        assert str(bye.uri) == PHONE_CONTACT
        assert tuple(bye.headers.get_all("Route")) == PROXIES

    def test_a_strict_router_gets_the_request_uri_and_the_target_ends_the_route(self) -> None:
        strict = ("<sip:old.example.com;transport=tcp;method=INVITE?Subject=x>", "<sip:p2.example.com;lr>")
        bye = uas_dialog(record_route=strict).request("BYE")
        assert str(bye.uri) == "sip:old.example.com;transport=tcp"
        assert bye.headers.get_all("Route") == [strict[1], f"<{PHONE_CONTACT}>"]

    @pytest.mark.parametrize("method", ["ACK", "CANCEL"])
    def test_ack_and_cancel_have_no_number_of_their_own(self, method: str) -> None:
        with pytest.raises(LocalProtocolError):
            uas_dialog().request(method)

    def test_cseq_never_leaves_31_bits(self) -> None:
        """§8.1.1.5."""
        dialog = uas_dialog()
        dialog.local_cseq = 2**31 - 1
        with pytest.raises(LocalProtocolError):
            dialog.request("OPTIONS")

    def test_a_request_is_complete_once_it_has_a_via(self) -> None:
        request = uas_dialog(record_route=PROXIES).request("BYE")
        request.headers.prepend("Via", "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1")
        received = parse_message(bytes(request))
        assert isinstance(received, Request)
        assert (received.method, received.call_id, received.cseq.number) == ("BYE", "call-1", 1)


class TestAckOf2xx:
    """§13.2.2.4."""

    def test_it_has_the_cseq_number_of_the_invite_and_does_not_count(self) -> None:
        dialog, invite = uac_dialog()
        dialog.request("OPTIONS")
        ack = dialog.ack(invite)
        assert (ack.cseq.number, ack.cseq.method) == (10, "ACK")
        assert dialog.local_cseq == 11

    def test_it_goes_to_the_remote_target_by_the_route_set(self) -> None:
        dialog, invite = uac_dialog(200, PROXIES)
        ack = dialog.ack(invite)
        assert str(ack.uri) == PHONE_CONTACT
        assert tuple(ack.headers.get_all("Route")) == PROXIES[::-1]

    def test_it_has_the_credentials_of_the_invite(self) -> None:
        dialog, invite = uac_dialog()
        invite.headers.add("Authorization", 'Digest username="a"')
        invite.headers.add("Proxy-Authorization", 'Digest username="b"')
        ack = dialog.ack(invite)
        assert ack.headers.get("Authorization") == 'Digest username="a"'
        assert ack.headers.get("Proxy-Authorization") == 'Digest username="b"'


class TestTheirRequests:
    """§12.2.2."""

    def test_a_higher_cseq_is_taken_over(self) -> None:
        dialog = uas_dialog()
        dialog.receive_request(within(dialog, "OPTIONS", 15))
        assert dialog.remote_cseq == 15

    def test_a_gap_is_no_error(self) -> None:
        dialog = uas_dialog()
        dialog.receive_request(within(dialog, "OPTIONS", 4_000))
        assert dialog.remote_cseq == 4_000

    def test_a_lower_cseq_is_answered_500_and_changes_nothing(self) -> None:
        dialog = uas_dialog()
        with pytest.raises(RemoteProtocolError) as caught:
            dialog.receive_request(within(dialog, "INVITE", 9, contact=MOVED), TCP)
        assert caught.value.status == 500
        assert (dialog.remote_cseq, str(dialog.remote_target), dialog.flow) == (10, PHONE_CONTACT, UDP)

    def test_the_first_request_of_a_callee_may_have_any_number(self) -> None:
        dialog, _ = uac_dialog()
        dialog.receive_request(within(dialog, "BYE", 1))
        assert dialog.remote_cseq == 1

    def test_an_ack_is_not_counted(self) -> None:
        dialog = uas_dialog()
        dialog.receive_request(within(dialog, "OPTIONS", 12))
        dialog.receive_request(within(dialog, "ACK", 10))
        assert dialog.remote_cseq == 12

    @pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
    def test_a_target_refresh_request_moves_the_remote_target(self, method: str) -> None:
        dialog = uas_dialog()
        dialog.receive_request(within(dialog, method, 11, contact=MOVED))
        assert str(dialog.remote_target) == MOVED

    @pytest.mark.parametrize("method", ["INFO", "OPTIONS", "BYE"])
    def test_other_requests_do_not(self, method: str) -> None:
        dialog = uas_dialog()
        dialog.receive_request(within(dialog, method, 11, contact=MOVED))
        assert str(dialog.remote_target) == PHONE_CONTACT

    def test_a_re_invite_with_an_unreadable_contact_changes_nothing(self) -> None:
        dialog = uas_dialog()
        request = within(dialog, "INVITE", 11)
        request.headers.add("Contact", "*")
        with pytest.raises(RemoteProtocolError):
            dialog.receive_request(request)
        assert (dialog.remote_cseq, str(dialog.remote_target)) == (10, PHONE_CONTACT)

    def test_a_re_invite_without_contact_leaves_the_target(self) -> None:
        dialog = uas_dialog()
        dialog.receive_request(within(dialog, "INVITE", 11))
        assert str(dialog.remote_target) == PHONE_CONTACT

    def test_the_peer_may_come_back_on_another_flow(self) -> None:
        dialog = uas_dialog()
        dialog.receive_request(within(dialog, "OPTIONS", 11), TCP)
        assert dialog.flow == TCP


def test_the_2xx_to_our_re_invite_moves_the_remote_target() -> None:
    dialog, invite = uac_dialog()
    dialog.receive_response(invite, make_answer(invite, 200, MOVED))
    assert str(dialog.remote_target) == MOVED


def test_a_provisional_response_within_a_confirmed_dialog_moves_nothing() -> None:
    dialog, invite = uac_dialog()
    dialog.receive_response(invite, make_answer(invite, 180, MOVED))
    assert str(dialog.remote_target) == PHONE_CONTACT


class TestDump:
    """All that an established dialog is survives a restart."""

    @pytest.mark.parametrize("dialog", [uas_dialog(200, PROXIES, TLS), uac_dialog(180, PROXIES)[0], uac_dialog()[0]])
    def test_it_is_lossless_through_json(self, dialog: Dialog) -> None:
        loaded = Dialog.load(json.loads(json.dumps(dialog.dump())))
        for name in Dialog.__slots__:
            assert getattr(loaded, name) == getattr(dialog, name), name

    def test_a_loaded_dialog_speaks_as_the_old_one_would(self) -> None:
        dialog = uas_dialog(record_route=PROXIES)
        loaded = Dialog.load(dialog.dump())
        assert bytes(loaded.request("BYE")) == bytes(dialog.request("BYE"))

    def test_cseq_can_jump_ahead_of_what_may_have_been_sent_since(self) -> None:
        dialog, _ = uac_dialog()
        assert Dialog.load(dialog.dump(), cseq_jump=1_000).request("BYE").cseq.number == 1_011

    def test_a_jump_never_leaves_31_bits(self) -> None:
        dialog, _ = uac_dialog()
        assert Dialog.load(dialog.dump(), cseq_jump=2**40).local_cseq < 2**31

    def test_the_flow_can_be_replaced(self) -> None:
        assert Dialog.load(uas_dialog(flow=TLS).dump(), flow=TCP).flow == TCP

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("call_id", None),
            ("state", "asleep"),
            ("is_uac", 1),
            ("local", "<nonsense"),
            ("remote_target", 5),
            ("route_set", [7]),
            ("local_cseq", -1),
            ("local_cseq", True),
            ("remote_cseq", "10"),
            ("secure", None),
            ("flow", {}),
            ("flow", {"transport": "UDP", "local": [1, 2], "remote": ["::1", 5060], "connection": 0}),
            ("flow", {"transport": "UDP", "local": ["::1"], "remote": ["::1", 5060], "connection": 0}),
        ],
    )
    def test_anything_else_is_refused_with_one_error(self, name: str, value: Any) -> None:
        values = uas_dialog().dump() | {name: value}
        with pytest.raises(LocalProtocolError):
            Dialog.load(values)

    def test_an_empty_dump_is_refused(self) -> None:
        with pytest.raises(LocalProtocolError):
            Dialog.load({})
