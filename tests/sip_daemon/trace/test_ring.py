"""What is kept, in which bounds, and who loses first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.trace import NO_TRACE, RECEIVED, SENT, Kind, TraceRing
from sip_daemon.trace.ring import ENTRY_BYTES, MAX_MESSAGE_BYTES, water_level

KIB = 1024
LOCAL = TransportAddress("192.0.2.1", 5060)


def flow(host: str, port: int = 5060) -> Flow:
    return Flow(TransportProtocol.UDP, LOCAL, TransportAddress(host, port))


def ring(budget: int = 64 * KIB) -> TraceRing:
    times = iter(range(1_000_000))
    return TraceRing(budget, clock=lambda: float(next(times)))


def kept(trace: TraceRing, host: str) -> list[bytes]:
    return [entry.data for entry in trace.since(host, 0)]


def test_a_message_is_kept_as_it_came_with_its_time_direction_and_flow() -> None:
    trace = ring()
    trace.add(RECEIVED, b"INVITE", flow("192.0.2.7"))
    trace.add(SENT, b"SIP/2.0 100", flow("192.0.2.7"))
    first, second = trace.since("192.0.2.7", 0)
    assert (first.serial, first.at, first.kind, first.flow, first.data) == (
        1,
        0.0,
        Kind.RECEIVED,
        flow("192.0.2.7"),
        b"INVITE",
    )
    assert (second.serial, second.kind) == (2, Kind.SENT)


def test_a_reader_asks_for_what_came_after_its_bookmark() -> None:
    trace = ring()
    for number in range(5):
        trace.add(RECEIVED, b"%d" % number, flow("192.0.2.7"))
    assert [entry.data for entry in trace.since("192.0.2.7", 3)] == [b"3", b"4"]
    assert trace.since("192.0.2.7", 5) == []
    assert trace.since("192.0.2.8", 0) == []


def test_a_note_is_kept_beside_the_messages() -> None:
    trace = ring()
    trace.note("Connection ended: was silent for too long", flow("192.0.2.7"))
    (entry,) = trace.since("192.0.2.7", 0)
    assert (entry.kind, entry.data) == (Kind.NOTE, b"Connection ended: was silent for too long")


def test_a_huge_message_takes_no_more_than_the_longest_head() -> None:
    trace = ring(1024 * KIB)
    trace.add(RECEIVED, b"x" * 60_000, flow("192.0.2.7"))
    assert len(kept(trace, "192.0.2.7")[0]) == MAX_MESSAGE_BYTES


@pytest.mark.parametrize("is_known", [True, False])
def test_the_budget_holds_whatever_comes(is_known: bool) -> None:
    trace = ring()
    for number in range(3000):
        host = f"10.0.{number % 7}.1"
        if is_known:
            trace.know(host)
        trace.add(RECEIVED, b"x" * (number % 900), flow(host))
        assert trace.used <= trace.budget


def test_the_newest_messages_stay() -> None:
    trace = ring()
    trace.know("192.0.2.7")
    for number in range(1000):
        trace.add(RECEIVED, b"%0400d" % number, flow("192.0.2.7"))
    numbers = [int(data) for data in kept(trace, "192.0.2.7")]
    assert numbers == list(range(1000 - len(numbers), 1000))
    assert len(numbers) > 50


def test_who_talks_most_loses_most_and_a_quiet_phone_loses_nothing() -> None:
    trace = ring()
    for host in ("192.0.2.7", "192.0.2.8"):
        trace.know(host)
    trace.add(RECEIVED, b"quiet", flow("192.0.2.7"))
    for _ in range(2000):
        trace.add(RECEIVED, b"x" * 500, flow("192.0.2.8"))
    assert kept(trace, "192.0.2.7") == [b"quiet"]


def test_a_scanner_washes_no_phones_messages_away() -> None:
    trace = ring()
    trace.know("192.0.2.7")
    for number in range(30):
        trace.add(RECEIVED, b"%0500d" % number, flow("192.0.2.7"))
    for _ in range(5000):
        trace.add(RECEIVED, b"x" * 500, flow("203.0.113.66"))
    assert len(kept(trace, "192.0.2.7")) == 30
    assert kept(trace, "203.0.113.66")


def test_a_thousand_forged_addresses_wash_nothing_away_either() -> None:
    trace = ring()
    trace.know("192.0.2.7")
    trace.add(RECEIVED, b"quiet", flow("192.0.2.7"))
    for number in range(20_000):
        trace.add(RECEIVED, b"x" * 300, flow(f"10.{number >> 8 & 255}.{number & 255}.1"))
    assert kept(trace, "192.0.2.7") == [b"quiet"]
    assert len(trace.hosts) < 1000
    assert trace.used <= trace.budget


def test_an_address_keeps_what_it_said_before_it_was_known() -> None:
    trace = ring()
    trace.add(RECEIVED, b"REGISTER", flow("192.0.2.7"))
    assert not trace.is_known("192.0.2.7")
    trace.know("192.0.2.7")
    assert trace.is_known("192.0.2.7")
    assert kept(trace, "192.0.2.7") == [b"REGISTER"]


def test_making_room_changes_the_generation_so_that_a_reader_lets_go() -> None:
    trace = ring()
    before = trace.generation
    for _ in range(2 * trace.budget // (500 + ENTRY_BYTES)):
        trace.add(RECEIVED, b"x" * 500, flow("192.0.2.7"))
    assert trace.generation > before
    assert trace.first_serial("192.0.2.7") == trace.since("192.0.2.7", 0)[0].serial
    assert trace.first_serial("nobody") == trace.serial + 1


@given(sizes=st.lists(st.integers(0, 10_000), min_size=1, max_size=30), budget=st.integers(0, 50_000))
def test_water_finds_one_level(sizes: list[int], budget: int) -> None:
    level = water_level(sizes, budget)
    assert sum(min(size, level) for size in sizes) <= max(budget, 0)
    if any(size > level for size in sizes):
        assert sum(min(size, level + len(sizes)) for size in sizes) > budget - len(sizes)


def test_without_memory_nothing_is_kept() -> None:
    NO_TRACE.add(RECEIVED, b"x", flow("192.0.2.7"))
    NO_TRACE.note("x", flow("192.0.2.7"))
    NO_TRACE.know("192.0.2.7")


def test_it_shows_no_message_by_accident() -> None:
    trace = ring()
    trace.add(RECEIVED, b"Authorization: hunter2", flow("192.0.2.7"))
    assert "hunter2" not in repr(trace)
