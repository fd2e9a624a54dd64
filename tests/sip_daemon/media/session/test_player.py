"""Frames of a sound, at their time."""

from __future__ import annotations

import pytest

from sip_daemon.media.audio.g711 import Law
from sip_daemon.media.session.loop import EventLoop
from sip_daemon.media.session.player import Player
from sip_daemon.media.session.sounds import Sound


class ManualLoop(EventLoop):
    """Its clock stands still until a test moves it."""

    def __init__(self) -> None:
        self.time = 100.0
        super().__init__(lambda: self.time)

    def advance(self, seconds: float) -> None:
        end = self.time + seconds
        while self._timers and self._timers[0][0] <= end:
            self.time = max(self.time, self._timers[0][0])
            self._run_timers()
        self.time = end


class Frames:
    def __init__(self, loop: ManualLoop) -> None:
        self.loop = loop
        self.frames: list[tuple[float, Law, bytes]] = []
        self.firsts: list[bool] = []
        self.finished = 0

    def send_frame(self, player: object, law: Law, codes: bytes, now: float, *, is_first: bool) -> None:
        self.frames.append((round(now - 100.0, 3), law, codes))
        self.firsts.append(is_first)

    def finish(self) -> None:
        self.finished += 1


@pytest.fixture
def loop() -> ManualLoop:
    return ManualLoop()


def player(loop: ManualLoop, sink: Frames, codes: bytes, *, repeat: bool = False, ptime: int = 20) -> Player:
    return Player(loop, sink, Sound(codes, Law.PCMU), repeat=repeat, ptime=ptime, on_finished=sink.finish)


def test_a_frame_each_ptime_and_then_the_end(loop: ManualLoop) -> None:
    sink = Frames(loop)
    player(loop, sink, b"a" * 160 + b"b" * 160)
    loop.advance(1.0)
    assert sink.frames == [(0.0, Law.PCMU, b"a" * 160), (0.02, Law.PCMU, b"b" * 160)]
    assert sink.firsts == [True, False]
    assert sink.finished == 1


def test_the_last_frame_is_filled_with_silence(loop: ManualLoop) -> None:
    sink = Frames(loop)
    player(loop, sink, b"a" * 100)
    loop.advance(1.0)
    assert [codes for _, _, codes in sink.frames] == [b"a" * 100 + b"\xff" * 60]


def test_a_repeated_sound_runs_on_over_its_end(loop: ManualLoop) -> None:
    sink = Frames(loop)
    player(loop, sink, b"a" * 100 + b"b" * 100, repeat=True)
    loop.advance(0.0999)
    heard = b"".join(codes for _, _, codes in sink.frames)
    assert heard == ((b"a" * 100 + b"b" * 100) * 4)[:800]
    assert sink.finished == 0


def test_a_sound_shorter_than_a_frame_can_be_repeated(loop: ManualLoop) -> None:
    sink = Frames(loop)
    player(loop, sink, b"xyz", repeat=True)
    loop.advance(0.0399)
    assert b"".join(codes for _, _, codes in sink.frames) == (b"xyz" * 200)[:320]


def test_an_empty_sound_ends_at_once(loop: ManualLoop) -> None:
    sink = Frames(loop)
    player(loop, sink, b"", repeat=True)
    loop.advance(0.1)
    assert (sink.frames, sink.finished) == ([], 1)


def test_a_stopped_player_is_silent_and_reports_no_end(loop: ManualLoop) -> None:
    sink = Frames(loop)
    made = player(loop, sink, b"a" * 1600)
    loop.advance(0.03)
    made.stop()
    loop.advance(1.0)
    assert (len(sink.frames), sink.finished) == (2, 0)


def test_a_longer_ptime_makes_longer_frames(loop: ManualLoop) -> None:
    sink = Frames(loop)
    player(loop, sink, b"a" * 480, ptime=30)
    loop.advance(1.0)
    assert [(at, len(codes)) for at, _, codes in sink.frames] == [(0.0, 240), (0.03, 240)]


def test_another_law_goes_on_at_the_same_place(loop: ManualLoop) -> None:
    sink = Frames(loop)
    made = player(loop, sink, b"\xff" * 160 + b"\x80" * 160)
    loop.advance(0.01)
    made.change_law(Law.PCMA)
    loop.advance(1.0)
    assert sink.frames[1] == (0.02, Law.PCMA, b"\xaa" * 160)


def test_after_a_stall_missed_frames_are_not_sent_in_a_burst(loop: ManualLoop) -> None:
    sink = Frames(loop)
    player(loop, sink, b"a" * 160 * 100)
    loop.advance(0.01)
    loop.time += 1.0
    loop.advance(0.05)
    assert len(sink.frames) <= 5
