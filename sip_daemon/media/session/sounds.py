"""Sounds ready to be sent: loaded and encoded in a thread, kept for the next call that wants them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from sip_daemon.errors import MediaError
from sip_daemon.media.audio import tones, wav
from sip_daemon.media.audio.g711 import SILENCE, Law
from sip_daemon.media.session.loop import EventLoop

CACHE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ToneSource:
    name: str


@dataclass(frozen=True, slots=True)
class FileSource:
    path: str


@dataclass(frozen=True, slots=True)
class SilenceSource:
    pass


SoundSource = ToneSource | FileSource | SilenceSource


@dataclass(frozen=True, slots=True)
class Sound:
    """G.711 codes of one law."""

    codes: bytes
    law: Law
    is_endless: bool = False
    """Whether it begins again by its nature: a dial tone does, a beep and a file do not."""


Key = tuple[SoundSource, Law, int]
Delivery = Callable[[Sound | MediaError], None]


class SoundLibrary:
    """Hands out sounds by callback, on the loop; at once when it still has them."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._kept: OrderedDict[Key, Sound] = OrderedDict()
        self._kept_bytes = 0
        self._requests: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def load(self, source: SoundSource, law: Law, deliver: Delivery) -> None:
        """`deliver` gets the sound, or the `MediaError` that says why there is none."""
        try:
            key = (source, law, _version(source))
        except OSError as error:
            deliver(MediaError(f"cannot read the sound file: {error.strerror}"))
            return
        sound = self._kept.get(key)
        if sound is not None:
            self._kept.move_to_end(key)
            deliver(sound)
            return
        self._start_thread()
        self._requests.put(lambda: self._load(key, deliver))

    def close(self) -> None:
        self._requests.put(None)
        if self._thread is not None:
            self._thread.join()

    def _start_thread(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="sounds", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while (request := self._requests.get()) is not None:
            request()

    def _load(self, key: Key, deliver: Delivery) -> None:
        """In the thread."""
        result: Sound | MediaError
        try:
            result = make_sound(key[0], key[1])
        except (OSError, wav.WavError, KeyError) as error:
            result = MediaError(f"cannot play it: {error}")
        self._loop.call_from_thread(lambda: self._loaded(key, result, deliver))

    def _loaded(self, key: Key, result: Sound | MediaError, deliver: Delivery) -> None:
        if isinstance(result, Sound) and key not in self._kept:
            self._kept[key] = result
            self._kept_bytes += len(result.codes)
            while self._kept_bytes > CACHE_BYTES:
                self._kept_bytes -= len(self._kept.popitem(last=False)[1].codes)
        deliver(result)


def make_sound(source: SoundSource, law: Law) -> Sound:
    """Raises `OSError`, `WavError`, or `KeyError` for an unknown tone."""
    match source:
        case ToneSource(name):
            return Sound(tones.render(name, law), law, tones.TONE_TABLE[name].repeats)
        case FileSource(path):
            return Sound(wav.read_codes(Path(path), law), law)
        case SilenceSource():
            return Sound(bytes((SILENCE[law],)) * 160, law, is_endless=True)


def _version(source: SoundSource) -> int:
    """So that a file that was replaced is read again."""
    return Path(source.path).stat().st_mtime_ns if isinstance(source, FileSource) else 0
