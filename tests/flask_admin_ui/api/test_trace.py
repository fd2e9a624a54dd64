"""The last SIP messages through the API: whose, for whom, from where on, and that a look is noted."""

from __future__ import annotations

import pytest

from appliance.database.models import Call, CallLeg
from appliance.operations.audit import list_audit
from tests.support.admin import Actor, AdminSystem


def keep_call(system: AdminSystem) -> None:
    call = Call.create(id="c1", caller_number="1001", status="answered", started_at=1.0, detail={})
    CallLeg.create(call=call, side="caller", device="1001", sip_call_id="a@phone", detail={})


def test_a_message_is_told_with_its_redacted_text(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001", "Ada")
    system.sip.say("REGISTER sip:example.org SIP/2.0")
    answer = admin.api("GET", "/api/devices/1001/trace").get_json()
    (message,) = answer["items"]
    assert (message["method"], message["direction"], message["from"]) == ("REGISTER", "received", "201")
    assert message["text"].endswith("Authorization: Digest response=***\n")
    assert (answer["cursor"], answer["total"]) == (1, 1)


def test_a_program_goes_on_where_it_was(system: AdminSystem, admin: Actor) -> None:
    for method in ("INVITE", "ACK", "BYE"):
        system.sip.say(f"{method} sip:202@example.org SIP/2.0")
    items = admin.api("GET", "/api/system/trace?after=1&limit=1").get_json()["items"]
    assert [message["method"] for message in items] == ["BYE"]
    assert system.sip.traced[-1] == {"after": 1, "limit": 1}


def test_a_live_call_is_asked_for_by_its_id(system: AdminSystem, admin: Actor) -> None:
    system.sip.add_call("live", caller=("1001", "Ada"), callee=("1002", "Grace"))
    assert admin.api("GET", "/api/calls/live/trace").status_code == 200
    assert system.sip.traced[-1]["call"] == "live"
    keep_call(system)
    assert admin.api("GET", "/api/calls/c1/trace").status_code == 404


def test_a_call_record_is_asked_for_by_the_call_ids_of_its_legs(system: AdminSystem, admin: Actor) -> None:
    keep_call(system)
    assert admin.api("GET", "/api/cdrs/c1/trace").status_code == 200
    assert system.sip.traced[-1]["call_ids"] == ["a@phone"]
    assert admin.api("GET", "/api/cdrs/c2/trace").status_code == 404


def test_an_address_or_strangers_are_asked_for(system: AdminSystem, admin: Actor) -> None:
    admin.api("GET", "/api/system/trace?source=192.0.2.7")
    admin.api("GET", "/api/system/trace?strangers=true")
    assert [(asked.get("source"), asked.get("strangers")) for asked in system.sip.traced] == [
        ("192.0.2.7", None),
        (None, True),
    ]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("source=example.org", "source"),
        ("source=192.0.2.7&strangers=true", "strangers"),
        ("limit=501", "limit"),
        ("after=-1", "after"),
        ("call=1", "call"),
    ],
)
def test_what_cannot_be_asked_for_is_named(admin: Actor, query: str, field: str) -> None:
    refused = admin.api("GET", f"/api/system/trace?{query}")
    assert refused.status_code == 422
    assert [detail["field"] for detail in refused.get_json()["details"]] == [field]


def test_a_look_is_noted_once_a_day_for_each_person_and_thing(system: AdminSystem, admin: Actor) -> None:
    system.add_device("1001", "Ada")
    for path in ("/api/devices/1001/trace", "/api/devices/1001/trace?after=1", "/api/system/trace"):
        admin.api("GET", path)

    def looks() -> list[str]:
        return [row.subject for row in list_audit(system.context).rows if row.action == "trace.read"]

    assert looks() == ["everybody", "phone 1001"]


def test_messages_are_for_administrators_even_those_of_the_own_phone(system: AdminSystem, user: Actor) -> None:
    system.add_device("1001", "Grace", owner="grace")
    assert user.api("GET", "/api/devices/1001/trace").status_code == 403
    assert system.sip.traced == []


def test_without_the_phone_system_there_is_a_503(system: AdminSystem, admin: Actor) -> None:
    system.sip.stop()
    assert admin.api("GET", "/api/system/trace").status_code == 503
