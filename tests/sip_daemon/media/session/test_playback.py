"""One sound at a time, the last that was asked for."""

from __future__ import annotations

from sip_daemon.errors import MediaError
from sip_daemon.flow import TransportAddress
from sip_daemon.media.audio.g711 import Law
from sip_daemon.media.session.description import LegDescription
from sip_daemon.media.session.loop import EventLoop
from sip_daemon.media.session.playback import Playback
from sip_daemon.media.session.sounds import SilenceSource, SoundLibrary
from sip_daemon.sdp.codec import Codec
from tests.support.media_worker import PCMA, PCMU

OPUS = Codec(111, "opus", 48000, 2)


class Stage:
    """A playback whose sounds arrive when the loop runs."""

    def __init__(self) -> None:
        self.loop = EventLoop()
        self.sounds = SoundLibrary(self.loop)
        self.laws: list[Law] = []
        self.changes: list[bool] = []
        self.started: list[MediaError | None] = []
        self.playback = Playback(
            self.loop, self.sounds, self, lambda: self.changes.append(self.playback.is_playing), lambda: None
        )

    def send_frame(self, player: object, law: Law, codes: bytes, now: float, *, is_first: bool) -> None:
        self.laws.append(law)

    def speaks(self, codec: Codec) -> None:
        self.playback.describe(LegDescription(TransportAddress("192.0.2.1", 4000), (codec,), (codec,)))

    def play(self) -> None:
        self.playback.play(SilenceSource(), repeat=True, on_started=self.started.append)

    def run(self) -> None:
        while not self.started:
            self.loop.run_once(1.0)
        self.loop.run_once(0.05)

    def close(self) -> None:
        self.playback.stop()
        self.sounds.close()
        self.loop.close()


def test_the_law_is_that_of_the_codec_when_the_sound_is_there() -> None:
    stage = Stage()
    stage.speaks(PCMU)
    stage.play()
    stage.speaks(PCMA)
    stage.run()
    assert (stage.started, stage.laws[0]) == ([None], Law.PCMA)
    stage.close()


def test_a_peer_that_gave_up_g711_meanwhile_is_an_error_and_nothing_plays() -> None:
    stage = Stage()
    stage.speaks(PCMU)
    stage.play()
    stage.speaks(OPUS)
    stage.run()
    (error,) = stage.started
    assert isinstance(error, MediaError)
    assert not stage.playback.is_playing
    stage.close()


def test_a_sound_that_was_stopped_before_it_came_does_not_play() -> None:
    stage = Stage()
    stage.speaks(PCMU)
    stage.play()
    stage.playback.stop()
    stage.run()
    assert (stage.started, stage.laws, stage.changes) == ([None], [], [])
    stage.close()
