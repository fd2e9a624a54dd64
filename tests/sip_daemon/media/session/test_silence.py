"""A peer that has vanished, and one that merely says nothing."""

from __future__ import annotations

from sip_daemon.media.session.silence import SilenceWatch


def test_silence_is_reported_once() -> None:
    watch = SilenceWatch(30.0)
    watch.start(0.0)
    assert watch.check(0, 1.0) is None
    assert watch.check(0, 30.9) is None
    assert watch.check(0, 31.0) == 30.0
    assert watch.check(0, 90.0) is None


def test_anything_that_comes_begins_the_count_anew() -> None:
    watch = SilenceWatch(30.0)
    watch.start(0.0)
    assert watch.check(5, 29.0) is None
    assert watch.check(5, 58.0) is None
    assert watch.check(5, 59.0) == 30.0


def test_a_second_silence_is_reported_again() -> None:
    watch = SilenceWatch(30.0)
    watch.start(0.0)
    watch.check(1, 0.0)
    assert watch.check(1, 30.0) == 30.0
    assert watch.check(2, 40.0) is None
    assert watch.check(2, 70.0) == 30.0


def test_nothing_is_reported_while_no_audio_is_due() -> None:
    watch = SilenceWatch(30.0)
    watch.start(0.0)
    watch.stop()
    assert watch.check(0, 500.0) is None


def test_after_a_hold_the_count_begins_when_audio_is_due_again() -> None:
    watch = SilenceWatch(30.0)
    watch.check(0, 0.0)
    watch.start(100.0)
    assert watch.check(0, 129.0) is None
    assert watch.check(0, 130.0) == 30.0
