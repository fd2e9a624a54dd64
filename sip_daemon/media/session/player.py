"""Plays a sound into a leg's stream: one packet each `ptime`, as codes that are ready to be sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sip_daemon.media.audio.g711 import BYTES_PER_MS, SILENCE, Law, convert
from sip_daemon.media.session.loop import EventLoop, Timer
from sip_daemon.media.session.sounds import Sound

MAX_CATCH_UP_SECONDS = 0.2
"""After a longer stall the missed packets are left out instead of being sent in one burst."""


class FrameSink(Protocol):
    """The sending half of a leg, as a player sees it."""

    def send_frame(self, player: object, law: Law, codes: bytes, now: float, *, is_first: bool) -> None: ...


class Player:
    """Runs until `stop` or the end of its sound; then calls `on_finished` once."""

    def __init__(
        self,
        loop: EventLoop,
        sink: FrameSink,
        sound: Sound,
        *,
        repeat: bool,
        ptime: int,
        on_finished: Callable[[], None],
    ) -> None:
        self._loop, self._sink, self._on_finished = loop, sink, on_finished
        self._sound = sound
        self._repeat = repeat or sound.is_endless
        self._interval = ptime / 1000
        self._frame_bytes = ptime * BYTES_PER_MS
        self._position = 0
        self._is_first = True
        self._due = loop.now()
        self._timer: Timer = loop.call_at(self._due, self._tick)

    def stop(self) -> None:
        self._timer.cancel()

    def change_law(self, law: Law) -> None:
        """The leg has settled on the other law: go on at the same place."""
        sound = self._sound
        if law is not sound.law:
            self._sound = Sound(convert(sound.codes, sound.law, law), law, sound.is_endless)

    def _tick(self) -> None:
        frame = self._next_frame()
        if frame is None:
            self._on_finished()
            return
        self._sink.send_frame(self, self._sound.law, frame, self._loop.now(), is_first=self._is_first)
        self._is_first = False
        self._schedule()

    def _schedule(self) -> None:
        now = self._loop.now()
        self._due += self._interval
        if now - self._due > MAX_CATCH_UP_SECONDS:
            self._due = now
        self._timer = self._loop.call_at(self._due, self._tick)

    def _next_frame(self) -> bytes | None:
        """Whole frames only: the end of the sound is filled up with silence, or with its beginning."""
        codes, size, start = self._sound.codes, self._frame_bytes, self._position
        if start >= len(codes):
            return None
        self._position = start + size
        frame = codes[start : self._position]
        if len(frame) < size and not self._repeat:
            return frame.ljust(size, bytes((SILENCE[self._sound.law],)))
        while len(frame) < size:
            self._position = min(size - len(frame), len(codes))
            frame += codes[: self._position]
        if self._repeat and self._position >= len(codes):
            self._position = 0
        return frame
