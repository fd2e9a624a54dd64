"""What is played to one leg's peer: at most one sound at a time, the last that was asked for."""

from __future__ import annotations

from collections.abc import Callable

from sip_daemon.errors import MediaError
from sip_daemon.media.audio.g711 import Law
from sip_daemon.media.session.description import LegDescription, law_of
from sip_daemon.media.session.loop import EventLoop
from sip_daemon.media.session.player import FrameSink, Player
from sip_daemon.media.session.sounds import Sound, SoundLibrary, SoundSource

Started = Callable[[MediaError | None], None]
"""Called once: with the error, or None when it plays."""


class Playback:
    """`on_change` is called whenever playing begins or ends, `on_finished` when a sound came to its own end."""

    def __init__(
        self,
        loop: EventLoop,
        sounds: SoundLibrary,
        sink: FrameSink,
        on_change: Callable[[], None],
        on_finished: Callable[[], None],
    ) -> None:
        self._loop, self._sounds, self._sink = loop, sounds, sink
        self._on_change, self._on_finished = on_change, on_finished
        self._description: LegDescription | None = None
        self._player: Player | None = None
        self._request = 0
        """Number of the last request: a sound that was loaded for an earlier one comes too late."""

    @property
    def is_playing(self) -> bool:
        return self._player is not None

    def describe(self, description: LegDescription) -> None:
        """An offer/answer was concluded."""
        self._description = description
        playable = description.playable
        law = law_of(playable) if playable is not None else None
        if self._player is not None and law is not None:
            self._player.change_law(law)

    def play(self, source: SoundSource, *, repeat: bool, on_started: Started) -> None:
        """Raises `MediaError` when nothing can be played to this peer."""
        self._request += 1
        request = self._request

        def deliver(result: Sound | MediaError) -> None:
            if isinstance(result, MediaError):
                on_started(result)
            elif request != self._request:
                on_started(None)  # overtaken by another request
            else:
                on_started(self._start(result, repeat))

        self._sounds.load(source, self._law(), deliver)

    def stop(self) -> None:
        self._request += 1
        if self._player is not None:
            self._player.stop()
            self._player = None
            self._on_change()

    def close(self) -> None:
        """Play no more, and tell nobody. Who was told has us: such a circle of references would be left to the garbage
        collector, whose work the packets would have to wait for."""
        self.stop()
        self._on_change = self._on_finished = nobody_hears

    def _start(self, sound: Sound, repeat: bool) -> MediaError | None:
        """The codec may have changed while the sound was loaded."""
        try:
            law = self._law()
        except MediaError as error:
            return error
        if self._player is not None:
            self._player.stop()
        ptime = self._description.ptime if self._description is not None else 20
        self._player = Player(self._loop, self._sink, sound, repeat=repeat, ptime=ptime, on_finished=self._finished)
        self._player.change_law(law)
        self._on_change()
        return None

    def _finished(self) -> None:
        self._player = None
        self._on_change()
        self._on_finished()

    def _law(self) -> Law:
        if self._description is None:
            raise MediaError("nothing can be played before an offer and an answer")
        law = law_of(self._description.playable) if self._description.playable is not None else None
        if law is None:
            raise MediaError("nothing can be played to a peer that takes no G.711")
        return law


def nobody_hears() -> None:
    """Who is told after the end."""
