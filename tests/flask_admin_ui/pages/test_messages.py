"""SIP messages on the pages: whose, for whom, live, noted; and why a call went as it did."""

from __future__ import annotations

import pytest

from appliance.database.models import Call, CallLeg
from appliance.operations.audit import list_audit
from tests.support.admin import Actor, AdminSystem, ManualClock


def keep_call(**columns: object) -> Call:
    values: dict[str, object] = {"caller_number": "1001", "dialled": "1002", "status": "declined", "detail": {}}
    return Call.create(id="c1", started_at=1.0, ended_at=9.0, **{**values, **columns})


def looks(system: AdminSystem) -> list[str]:
    return [row.subject for row in list_audit(system.context).rows if row.action == "trace.read"]


def test_a_phone_shows_what_it_and_gosip_said(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001", "Ada")
    system.sip.say("REGISTER sip:example.org SIP/2.0")
    page = admin.get("/device/1001/messages").text
    assert "REGISTER from 192.0.2.7:5060 to GoSIP" in page
    assert "Authorization: Digest response=***" in page
    assert system.sip.traced[-1]["device"] == "1001"


def test_opening_the_page_of_a_phone_or_call_is_no_look_at_its_messages(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001", "Ada")
    keep_call()
    for path in ("/device/1001", "/call/c1"):
        assert f'hx-get="{path}/messages"' in admin.get(path).text
    assert system.sip.traced == []
    assert looks(system) == []


def test_each_look_is_noted_also_at_what_was_rendered_for_somebody_else(
    system: AdminSystem, admin: Actor, clock: ManualClock
) -> None:
    system.add_device("1001", "Ada")
    keep_call()
    for path in ("/device/1001/messages", "/device/1001/messages", "/call/c1/messages"):
        admin.poll(path)
    assert looks(system) == ["call c1", "phone 1001"]
    clock.advance(86_401)
    assert admin.sign_in().status_code == 302
    admin.poll("/device/1001/messages")
    assert looks(system) == ["phone 1001", "call c1", "phone 1001"]


def test_a_call_of_the_history_is_shown_as_long_as_it_is_in_memory(system: AdminSystem, admin: Actor) -> None:
    CallLeg.create(call=keep_call(), side="caller", device="1001", remote="192.0.2.7:5060", sip_call_id="a", detail={})
    system.sip.say("INVITE sip:1002@example.org SIP/2.0")
    assert "INVITE from 1001 to GoSIP" in admin.get("/call/c1/messages").text
    assert system.sip.traced[-1]["call_ids"] == ["a"]


def test_what_is_not_there_is_a_404(admin: Actor) -> None:
    assert admin.get("/device/nobody/messages").status_code == 404
    assert admin.get("/call/nothing/messages").status_code == 404


def test_strangers_and_one_address_can_be_asked_for(system: AdminSystem, admin: Actor) -> None:
    admin.get("/system/messages?show=strangers")
    admin.get("/system/messages?source=203.0.113.5")
    assert system.sip.traced[0]["strangers"] is True
    assert system.sip.traced[1]["source"] == "203.0.113.5"
    wrong = admin.get("/system/messages?source=example.org")
    assert (wrong.status_code, "without a port" in wrong.text) == (422, True)


def test_the_ladder_lives_and_reads_anew_only_when_something_came(system: AdminSystem, admin: Actor) -> None:
    system.sip.say("OPTIONS sip:a SIP/2.0")
    for _ in range(2):
        system.services.fragments.clear()
        assert "OPTIONS from" in admin.poll("/system/messages").text
    assert [asked["limit"] for asked in system.sip.traced] == [100, 0]
    system.sip.say("MESSAGE sip:b SIP/2.0")
    system.services.fragments.clear()
    assert "MESSAGE from" in admin.poll("/system/messages").text


def test_messages_of_an_earlier_process_are_not_shown_as_news(system: AdminSystem, admin: Actor) -> None:
    system.sip.say("OPTIONS sip:a SIP/2.0")
    admin.get("/system/messages")
    system.sip.restart()
    assert "No messages" in admin.get("/system/messages").text


def test_the_page_says_why_there_is_nothing(system: AdminSystem, admin: Actor) -> None:
    system.sip.trace_budget = 0
    assert "No messages are kept" in admin.get("/system/messages").text
    system.sip.stop()
    assert "The program sip is not running." in admin.get("/system/messages").text


def test_messages_are_for_administrators(system: AdminSystem, user: Actor) -> None:
    system.add_device("1001", "Grace", owner="grace")
    assert user.get("/device/1001/messages").status_code == 403
    assert "/device/1001/messages" not in user.get("/device/1001").text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("refused 603", "declined (603)"),
        ("refused 488", "it takes none of the offered codecs (488)"),
        ("unreachable", "did not answer the invitation"),
        ("something new", "something new"),
    ],
)
def test_a_call_says_why_it_went_as_it_did(system: AdminSystem, admin: Actor, state: str, words: str) -> None:
    call = keep_call(detail={"route": ["Ring 1002 Grace on 1002 for 30 seconds"]})
    CallLeg.create(call=call, side="callee", device="1002", state=state, detail={})
    page = admin.get("/call/c1").text
    assert "Ring 1002 Grace on 1002 for 30 seconds" in page
    assert words in page
