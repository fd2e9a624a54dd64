"""Telephone-events, RFC 4733."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.media.packets.dtmf import END_TIMEOUT, KeyPress, KeyPressDetector, TelephoneEvent


def event(number: int, duration: int, *, end: bool = False) -> TelephoneEvent:
    return TelephoneEvent(number, end, 10, duration)


@given(st.integers(0, 255), st.booleans(), st.integers(0, 63), st.integers(0, 0xFFFF))
def test_an_event_makes_the_round_trip(number: int, end: bool, volume: int, duration: int) -> None:
    made = TelephoneEvent(number, end, volume, duration)
    assert TelephoneEvent.parse(made.pack()) == made


@given(st.binary(max_size=8))
def test_any_payload_parses_or_raises_the_one_documented_error(payload: bytes) -> None:
    with contextlib.suppress(RemoteProtocolError):
        TelephoneEvent.parse(payload)


def test_a_press_is_reported_at_its_end_with_its_duration() -> None:
    detector = KeyPressDetector()
    assert detector.receive(1000, event(5, 400), 0.0) == []
    assert detector.receive(1000, event(5, 800, end=True), 0.1) == [KeyPress("5", 100)]


def test_a_press_beside_opus_runs_at_its_clock() -> None:
    detector = KeyPressDetector()
    assert detector.receive(1000, event(5, 4800, end=True), 0.1, 48000) == [KeyPress("5", 100)]


def test_repeated_ends_are_not_reported_again() -> None:
    detector = KeyPressDetector()
    detector.receive(1000, event(5, 800, end=True), 0.0)
    assert detector.receive(1000, event(5, 800, end=True), 0.02) == []
    assert detector.receive(1000, event(5, 400), 0.03) == []


def test_the_same_key_pressed_twice_is_two_presses() -> None:
    detector = KeyPressDetector()
    first = detector.receive(1000, event(1, 800, end=True), 0.0)
    second = detector.receive(3000, event(1, 800, end=True), 0.3)
    assert first + second == [KeyPress("1", 100)] * 2


def test_a_press_whose_beginning_was_lost_is_reported() -> None:
    assert KeyPressDetector().receive(1000, event(16, 80, end=True), 0.0) == [KeyPress("flash", 10)]


def test_a_press_whose_end_was_lost_ends_with_the_next_one() -> None:
    detector = KeyPressDetector()
    detector.receive(1000, event(1, 400), 0.0)
    assert detector.receive(3000, event(2, 400), 0.2) == [KeyPress("1", 50)]
    assert detector.receive(3000, event(2, 800, end=True), 0.3) == [KeyPress("2", 100)]


def test_a_press_whose_end_was_lost_ends_when_nothing_more_comes() -> None:
    detector = KeyPressDetector()
    detector.receive(1000, event(1, 400), 5.0)
    assert detector.next_timer() == 5.0 + END_TIMEOUT
    assert detector.handle_timer(5.1) == []
    assert detector.handle_timer(5.0 + END_TIMEOUT) == [KeyPress("1", 50)]
    assert detector.next_timer() is None


def test_a_late_packet_of_an_earlier_press_is_ignored() -> None:
    detector = KeyPressDetector()
    detector.receive(1000, event(1, 800, end=True), 0.0)
    detector.receive(3000, event(2, 400), 0.2)
    assert detector.receive(1000, event(1, 800, end=True), 0.21) == []
    assert detector.receive(3000, event(2, 800, end=True), 0.3) == [KeyPress("2", 100)]


def test_a_timestamp_that_wraps_begins_a_new_press() -> None:
    detector = KeyPressDetector()
    detector.receive(0xFFFFFF00, event(1, 800, end=True), 0.0)
    assert detector.receive(0x00000100, event(2, 800, end=True), 0.1) == [KeyPress("2", 100)]


def test_a_new_stream_may_begin_with_any_timestamp() -> None:
    detector = KeyPressDetector()
    detector.receive(9000, event(1, 400), 0.0)
    assert detector.restart() == [KeyPress("1", 50)]
    assert detector.receive(100, event(2, 800, end=True), 0.1) == [KeyPress("2", 100)]


@pytest.mark.parametrize("number", [17, 36, 255])
def test_events_that_are_no_keys_are_ignored(number: int) -> None:
    assert KeyPressDetector().receive(1000, event(number, 800, end=True), 0.0) == []
