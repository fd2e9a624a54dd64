"""Recordings of a leg: what came from the peer on the left, what went to it on the right.

The packet path only appends to a deque. One thread per worker takes the packets, puts them in their place by
timestamp, decodes and writes. A full disk, or one too slow to keep up, ends the recording and never the call.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from sip_daemon.errors import MediaError
from sip_daemon.media.audio.g711 import SAMPLE_RATE, Law, decode
from sip_daemon.media.audio.wav import MAX_DATA_BYTES, WavWriter
from sip_daemon.media.packets.rtp import timestamp_step

logger = logging.getLogger(__name__)

MAX_WAITING = 12_000
"""Packets of one recording not yet written: two minutes of both directions. More means that the disk stands still."""

WRITE_INTERVAL = 0.5
HOLD_BACK_SECONDS = 0.4
"""The newest audio is not yet written: late packets still find their place."""

MAX_DRIFT_SECONDS = 2.0
"""A timestamp that leads further away from the time of arrival is not believed."""

LEFT, RIGHT = 0, 1


class TappedPacket(NamedTuple):
    """A tuple, since one is made for each packet of a recorded call."""

    channel: int
    law: Law
    stream: int
    """SSRC: within one stream, timestamps tell the place."""
    timestamp: int
    payload: bytes
    at: float


Tap = Callable[[TappedPacket], None]


class Channel:
    """Puts packets into their place on a line of samples that begins with the recording."""

    def __init__(self, started_at: float) -> None:
        self._started_at = started_at
        self._stream: int | None = None
        self._anchor = (0, 0)
        """A timestamp and its place."""
        self._pcm = bytearray()
        self._offset = 0
        """The place of the first sample in `_pcm`, in samples: what lies before is written."""

    def put(self, packet: TappedPacket) -> None:
        place = self._place(packet)
        pcm = decode(packet.payload, packet.law)
        start = 2 * (place - self._offset)
        if start < 0:  # too late: that part is written
            pcm, start = pcm[-start:], 0
        if start > len(self._pcm):
            self._pcm.extend(bytes(start - len(self._pcm)))
        self._pcm[start : start + len(pcm)] = pcm

    def take(self, until: int) -> bytes:
        """The samples up to that place, silence where nothing came."""
        count = 2 * (until - self._offset)
        taken = bytes(self._pcm[:count])
        del self._pcm[:count]
        self._offset = until
        return taken + bytes(count - len(taken))

    def _place(self, packet: TappedPacket) -> int:
        arrival = round((packet.at - self._started_at) * SAMPLE_RATE)
        if packet.stream == self._stream:
            place = self._anchor[1] + timestamp_step(packet.timestamp, self._anchor[0])
            if abs(place - arrival) < MAX_DRIFT_SECONDS * SAMPLE_RATE:
                self._anchor = (packet.timestamp, place)
                return place
        self._stream = packet.stream
        self._anchor = (packet.timestamp, arrival)
        return arrival


class Recording:
    """One running recording. `tap` belongs to the loop's thread, `write` and `finish` to the writer's."""

    def __init__(self, path: Path, now: float) -> None:
        """Raises `MediaError` when the file cannot be made."""
        try:
            self._writer = WavWriter(path, channels=2)
        except OSError as error:
            raise MediaError(f"cannot record to {path}: {error.strerror}") from error
        self.path = path
        self.error: str | None = None
        """Why it ended before its time."""
        self.is_ending = False
        self._waiting: deque[TappedPacket] = deque()
        self._channels = (Channel(now), Channel(now))
        self._started_at = now
        self._written = 0

    def tap(self, packet: TappedPacket) -> None:
        if self.error is None:
            if len(self._waiting) >= MAX_WAITING:
                self.fail("the disk is too slow")
            else:
                self._waiting.append(packet)

    def write(self, now: float) -> None:
        """Write what is old enough. Raises `OSError`."""
        waiting = self._waiting
        for _ in range(len(waiting)):
            packet = waiting.popleft()
            self._channels[packet.channel].put(packet)
        until = round((now - self._started_at) * SAMPLE_RATE)
        if until <= self._written:
            return
        self._writer.write(interleave(*(channel.take(until) for channel in self._channels)))
        self._writer.flush()
        self._written = until
        if self._writer.data_bytes > MAX_DATA_BYTES - 64 * SAMPLE_RATE:
            self.fail("the file has reached the size that WAV allows")

    def finish(self) -> None:
        """Raises `OSError`."""
        self._waiting.clear()
        self._writer.close()

    def fail(self, reason: str) -> None:
        self.error = reason
        logger.warning("the recording %s ends: %s", self.path.name, reason)


def interleave(left: bytes, right: bytes) -> bytes:
    """Two channels of 16-bit samples of equal length to one of frames."""
    frames = bytearray(2 * len(left))
    frames[0::4], frames[1::4] = left[0::2], left[1::2]
    frames[2::4], frames[3::4] = right[0::2], right[1::2]
    return bytes(frames)


class RecordingWriter:
    """The thread that writes all recordings of a worker."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._recordings: list[Recording] = []
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def start(self, path: Path) -> Recording:
        """Raises `MediaError`."""
        recording = Recording(path, self._clock())
        with self._lock:
            self._recordings.append(recording)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)
            self._thread.start()
        return recording

    def stop(self, recording: Recording) -> None:
        """No more packets will come; what is there is written."""
        recording.is_ending = True
        self._changed.set()

    def close(self) -> None:
        """Finish all, and wait for it."""
        with self._lock:
            for recording in self._recordings:
                recording.is_ending = True
        self._closing = True
        self._changed.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._closing or self._recordings:
            self._changed.wait(WRITE_INTERVAL if self._recordings else None)
            self._changed.clear()
            with self._lock:
                recordings = list(self._recordings)
            for recording in recordings:
                self._serve(recording)

    def _serve(self, recording: Recording) -> None:
        ending = recording.is_ending
        try:
            if recording.error is None:
                recording.write(self._clock() - (0 if ending else HOLD_BACK_SECONDS))
            if ending or recording.error is not None:
                self._forget(recording)
                recording.finish()
        except OSError as error:
            recording.fail(error.strerror or str(error))
            self._forget(recording)
            with contextlib.suppress(OSError):
                recording.finish()

    def _forget(self, recording: Recording) -> None:
        with self._lock:
            if recording in self._recordings:
                self._recordings.remove(recording)
