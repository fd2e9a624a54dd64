"""One-way audio told from hold, mute and silence suppression: each rule and its threshold."""

from __future__ import annotations

import pytest

from sip_daemon.media.session.hearing import (
    FIRST_WITHIN,
    PAUSE_SECONDS,
    SENT_PACKETS,
    SOUNDLESS_SECONDS,
    Audio,
    Facts,
    Hearing,
    HearingWatch,
    Suspicion,
    is_behind_nat,
)

BEGIN = Facts(
    is_due=True, is_listening=True, received=0, silent_in_row=0, is_resting=False, dropped_source=0,
    dropped_malformed=0, sent=0, reports=0, heard_up_to=None, announced="192.0.2.1", signalling="192.0.2.1",
)  # fmt: skip


class Leg:
    """A phone, second by second."""

    def __init__(self, **facts: object) -> None:
        self.facts = BEGIN._replace(**facts)  # type: ignore[arg-type]
        self.now = 0.0
        self.watch = HearingWatch()
        self.watch.start(self.facts, 0.0)

    def live(self, seconds: float, **grow: int) -> Hearing:
        """Time passes; the counters named grow by so much in each second."""
        for _ in range(round(seconds)):
            self.now += 1
            values = {name: (getattr(self.facts, name) or 0) + step for name, step in grow.items()}
            self.facts = self.facts._replace(**values)  # type: ignore[arg-type]
            self.watch.check(self.facts, self.now)
        return self.watch.hearing

    def talk(self, seconds: float = 3) -> Hearing:
        return self.live(seconds, received=50)

    def set(self, **facts: object) -> None:
        self.facts = self.facts._replace(**facts)  # type: ignore[arg-type]


def test_a_phone_that_sends_is_fine_and_one_that_has_not_yet_sent_is_unknown() -> None:
    leg = Leg()
    assert leg.live(1).speaks is Audio.UNKNOWN
    assert leg.talk(1).speaks is Audio.FINE


def test_no_packet_within_seconds_of_the_answer_is_an_alarm() -> None:
    leg = Leg()
    assert leg.live(FIRST_WITHIN - 1).speaks is Audio.UNKNOWN
    hearing = leg.live(1)
    assert (hearing.speaks, hearing.suspicion, hearing.is_alarm) == (Audio.NOTHING, Suspicion.NOT_A_PACKET, True)
    assert leg.talk(1) == Hearing(Audio.FINE, Audio.UNKNOWN)


@pytest.mark.parametrize("due", [{"is_due": False}, {"is_due": False, "is_listening": False}])
def test_on_hold_nothing_is_due(due: dict[str, bool]) -> None:
    leg = Leg()
    leg.talk()
    leg.set(**due)
    assert leg.live(600).speaks is Audio.HELD
    assert not leg.watch.hearing.is_alarm


def test_after_a_hold_the_phone_has_its_time_again() -> None:
    leg = Leg(is_due=False)
    leg.live(600)
    leg.set(is_due=True)
    leg.watch.start(leg.facts, leg.now)
    assert leg.live(FIRST_WITHIN - 1).speaks is Audio.HELD
    assert leg.live(1).speaks is Audio.NOTHING


def test_packets_that_stop_are_an_alarm_only_after_a_long_pause() -> None:
    leg = Leg()
    leg.talk()
    assert leg.live(PAUSE_SECONDS - 1).speaks is Audio.FINE
    assert leg.live(1).speaks is Audio.NOTHING


def test_a_phone_that_goes_on_reporting_suppresses_silence() -> None:
    leg = Leg()
    leg.talk()
    assert leg.live(120, reports=1).speaks is Audio.PAUSED


def test_after_comfort_noise_a_pause_has_no_end() -> None:
    """RFC 3389."""
    leg = Leg()
    leg.talk()
    leg.set(is_resting=True)
    assert leg.live(600).speaks is Audio.PAUSED


def test_packets_without_any_sound_from_the_beginning_are_an_alarm() -> None:
    leg = Leg()
    assert leg.live(SOUNDLESS_SECONDS - 1, received=50, silent_in_row=1).speaks is Audio.FINE
    hearing = leg.live(1, received=50, silent_in_row=1)
    assert (hearing.speaks, hearing.suspicion) == (Audio.SOUNDLESS, Suspicion.MICROPHONE)


def test_a_phone_that_was_heard_before_is_muted() -> None:
    leg = Leg()
    leg.talk()
    hearing = leg.live(120, received=50, silent_in_row=1)
    assert (hearing.speaks, hearing.is_alarm) == (Audio.MUTED, False)
    leg.set(silent_in_row=0)
    assert leg.talk(1).speaks is Audio.FINE


@pytest.mark.parametrize(
    ("facts", "grow", "suspicion"),
    [
        ({}, {}, Suspicion.NOT_A_PACKET),
        ({}, {"dropped_source": 50}, Suspicion.OTHER_ADDRESS),
        ({}, {"dropped_malformed": 50}, Suspicion.OTHER_FORMAT),
        ({}, {"reports": 1}, Suspicion.REPORTS_ONLY),
        ({"announced": "10.0.0.5", "signalling": "8.8.8.8"}, {}, Suspicion.NAT),
    ],
)
def test_the_counters_say_why_nothing_comes(
    facts: dict[str, object], grow: dict[str, int], suspicion: Suspicion
) -> None:
    assert Leg(**facts).live(6, **grow).suspicion is suspicion


def test_reports_that_count_up_what_we_send_say_that_it_is_heard() -> None:
    leg = Leg()
    assert leg.live(3, received=50, sent=50, reports=1, heard_up_to=50).hears is Audio.FINE


def test_reports_that_stand_still_while_we_send_say_that_nothing_arrives() -> None:
    leg = Leg(heard_up_to=700)
    assert leg.live(4, received=50, sent=50, reports=1).hears is Audio.UNKNOWN
    hearing = leg.live(2, received=50, sent=50, reports=1)
    assert (hearing.hears, hearing.suspicion) == (Audio.NOTHING, Suspicion.NOT_A_PACKET)
    assert leg.live(1, received=50, sent=50, reports=1, heard_up_to=9).hears is Audio.FINE


def test_reports_that_do_not_know_our_stream_say_the_same() -> None:
    leg = Leg()
    assert leg.live(SENT_PACKETS / 50 + 1, received=50, sent=50, reports=1).hears is Audio.NOTHING


def test_without_reports_nobody_knows_what_a_phone_hears() -> None:
    leg = Leg()
    assert leg.live(600, received=50, sent=50).hears is Audio.UNKNOWN


def test_a_phone_that_is_sent_nothing_hears_nothing_without_fault() -> None:
    leg = Leg()
    assert leg.live(60, received=50, reports=1).hears is Audio.UNKNOWN
    leg.set(is_listening=False)
    assert leg.live(60, received=50, reports=1, sent=50).hears is Audio.HELD


@pytest.mark.parametrize(
    ("announced", "signalling", "expected"),
    [
        ("10.0.0.5", "8.8.8.8", True), ("fd00::1", "2001:4860::1", True), ("10.0.0.5", "10.0.0.5", False),
        ("10.0.0.5", "192.168.1.1", False), ("8.8.8.8", "10.0.0.5", False), (None, "8.8.8.8", False),
        ("10.0.0.5", None, False), ("name.invalid", "8.8.8.8", False),
    ],
)  # fmt: skip
def test_nat_is_a_private_address_seen_from_a_public_one(
    announced: str | None, signalling: str | None, expected: bool
) -> None:
    assert is_behind_nat(announced, signalling) is expected
