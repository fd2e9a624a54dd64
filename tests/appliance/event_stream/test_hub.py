"""Readers of the stream: who sees what, who comes back, and who is too slow."""

from __future__ import annotations

import pytest

from appliance.event_stream.event import Event, sip_event
from appliance.event_stream.hub import MAX_WAITING_BYTES, Hub, Reader, TooManyStreams
from tests.support.stream import ADMIN, KeptConnection, user

CALL = sip_event(
    "call",
    {"id": "c1", "event": "ringing", "at": 0.0, "started_at": 1_800_000_000.0, "extensions": ["1001", "1002"]},
)


def joined(hub: Hub, identity: object = ADMIN, last_seen: str = "", kinds: tuple[str, ...] = ()) -> KeptConnection:
    connection = KeptConnection()
    hub.join(Reader(connection, identity, frozenset(kinds)), last_seen)  # type: ignore[arg-type]
    return connection


def test_an_event_reaches_every_reader() -> None:
    hub = Hub()
    readers = [joined(hub) for _ in range(3)]
    hub.publish(CALL)
    assert [reader.kinds for reader in readers] == [["hello", "call"]] * 3


def test_names_and_moments_are_those_of_the_api() -> None:
    hub = Hub()
    reader = joined(hub)
    hub.publish(CALL)
    data = reader.events[-1][2]
    assert (data["id"], data["startedAt"]) == ("c1", "2027-01-15T08:00:00.000Z")
    assert "extensions" not in data


def test_a_user_sees_calls_of_the_own_numbers_only() -> None:
    hub = Hub()
    mine, others = joined(hub, user("1002")), joined(hub, user("1003"))
    hub.publish(CALL)
    assert (mine.kinds, others.kinds) == (["hello", "call"], ["hello"])


@pytest.mark.parametrize("kind", ["process", "alarm", "listeners"])
def test_a_user_sees_nothing_of_the_system(kind: str) -> None:
    hub = Hub()
    reader = joined(hub, user("1002"))
    hub.publish(Event(kind, {}))
    assert reader.kinds == ["hello"]


def test_everybody_hears_that_the_phone_system_came_or_went() -> None:
    hub = Hub()
    reader = joined(hub, user(), kinds=("call",))
    hub.publish(Event("system", {"sip": "down"}, for_everybody=True))
    assert reader.kinds == ["hello", "system"]


def test_a_reader_gets_the_kinds_that_it_asked_for() -> None:
    hub = Hub()
    reader = joined(hub, kinds=("binding",))
    hub.publish(CALL)
    hub.publish(Event("binding", {}))
    assert reader.kinds == ["hello", "binding"]


def test_who_comes_back_gets_what_it_missed_and_nothing_twice() -> None:
    """WHATWG HTML §9.2.4: Last-Event-ID."""
    hub = Hub()
    first = joined(hub)
    hub.publish(CALL)
    last_seen = first.events[-1][0]
    hub.publish(Event("binding", {"username": "1001"}))
    hub.publish(Event("alarm", {}))
    assert joined(hub, last_seen=last_seen).kinds == ["binding", "alarm"]
    assert joined(hub, user("1002"), last_seen=last_seen).kinds == []


def test_hello_names_the_place_to_go_on_from() -> None:
    hub = Hub()
    hub.publish(CALL)
    reader = joined(hub)
    hub.publish(Event("alarm", {}))
    assert joined(hub, last_seen=reader.events[0][0]).kinds == ["alarm"]


@pytest.mark.parametrize("last_seen", ["other-1", "nonsense", "-", "{name}-99", "{name}-x", "{name}-1"])
def test_who_missed_too_much_is_told_to_ask_for_all_of_it(last_seen: str) -> None:
    hub = Hub(kept=2)
    for _ in range(5):
        hub.publish(CALL)
    reader = joined(hub, last_seen=last_seen.replace("{name}", hub.name))
    assert reader.kinds == ["reset"]
    assert reader.events[0][0] == f"{hub.name}-5"


def test_a_reader_that_does_not_read_is_dropped() -> None:
    hub = Hub()
    slow, quick = joined(hub), joined(hub)
    slow.waiting = MAX_WAITING_BYTES + 1
    hub.publish(CALL)
    assert (slow.ended, slow.kinds) == ("aborted", ["hello"])
    assert (quick.ended, len(hub), hub.dropped) == ("", 1, 1)


def test_heartbeats_drop_slow_readers_too() -> None:
    hub = Hub()
    slow = joined(hub)
    slow.waiting = MAX_WAITING_BYTES + 1
    hub.beat()
    assert slow.ended == "aborted"


def test_a_closed_stream_is_told_why_and_ends_in_form() -> None:
    hub = Hub()
    reader = joined(hub)
    hub.close("The stream restarts.")
    assert reader.events[-1][1:] == ("bye", {"reason": "The stream restarts."})
    assert reader.data.endswith(b"0\r\n\r\n")
    assert (reader.ended, len(hub)) == ("finished", 0)


def test_streams_are_bounded_in_all_and_for_each_user() -> None:
    hub = Hub(max_streams=3, max_of_one=2)
    for _ in range(2):
        hub.check_room(user())
        joined(hub, user())
    with pytest.raises(TooManyStreams, match="This user"):
        hub.check_room(user())
    hub.check_room(ADMIN)
    joined(hub, ADMIN)
    with pytest.raises(TooManyStreams, match="as this system serves"):
        hub.check_room(ADMIN)


def test_a_line_end_in_a_name_does_not_break_the_stream() -> None:
    hub = Hub()
    reader = joined(hub)
    hub.publish(Event("alarm", {"message": "one\n\nevent: bye\ndata: {}\n\n\u2028"}))
    _, kind, data = reader.events[-1]
    assert (kind, data["message"]) == ("alarm", "one\n\nevent: bye\ndata: {}\n\n\u2028")
