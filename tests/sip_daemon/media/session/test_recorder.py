"""Two channels in their place, off the packet path."""

from __future__ import annotations

import struct
import wave
from pathlib import Path

import pytest

from sip_daemon.errors import MediaError
from sip_daemon.media.audio.g711 import Law
from sip_daemon.media.session.recorder import LEFT, MAX_WAITING, RIGHT, Channel, Recording, TappedPacket, interleave

LOUD = b"\x80" * 160


def tapped(timestamp: int, at: float, *, channel: int = LEFT, stream: int = 1, payload: bytes = LOUD) -> TappedPacket:
    return TappedPacket(channel, Law.PCMU, stream, timestamp, payload, at)


def loud_places(pcm: bytes) -> list[int]:
    """The frames of 20 ms that are not silent."""
    values = struct.unpack(f"<{len(pcm) // 2}h", pcm)
    return [index for index in range(len(values) // 160) if any(values[160 * index : 160 * (index + 1)])]


def test_packets_lie_where_their_timestamps_say_however_they_arrived() -> None:
    channel = Channel(started_at=10.0)
    for timestamp, at in ((1000, 10.0), (1160, 10.05), (1480, 10.06), (1320, 10.061)):
        channel.put(tapped(timestamp, at))
    assert loud_places(channel.take(160 * 6)) == [0, 1, 2, 3]


def test_a_lost_packet_is_silence() -> None:
    channel = Channel(started_at=10.0)
    channel.put(tapped(1000, 10.0))
    channel.put(tapped(1320, 10.04))
    assert loud_places(channel.take(160 * 3)) == [0, 2]


def test_a_new_stream_lies_where_it_arrived() -> None:
    channel = Channel(started_at=10.0)
    channel.put(tapped(1000, 10.0))
    channel.put(tapped(777_000, 10.1, stream=2))
    assert loud_places(channel.take(160 * 6)) == [0, 5]


def test_a_timestamp_that_leads_astray_is_not_believed() -> None:
    channel = Channel(started_at=10.0)
    channel.put(tapped(1000, 10.0))
    channel.put(tapped(0x70000000, 10.02))
    assert loud_places(channel.take(160 * 3)) == [0, 1]


def test_what_comes_after_its_part_was_written_is_left_out() -> None:
    channel = Channel(started_at=10.0)
    channel.put(tapped(1160, 10.02))
    channel.take(160 * 3)
    channel.put(tapped(1320, 10.04))
    channel.put(tapped(1480, 10.06))
    assert loud_places(channel.take(160 * 5)) == [0]


def test_channels_are_interleaved() -> None:
    assert interleave(b"\x01\x02\x03\x04", b"\x11\x12\x13\x14") == b"\x01\x02\x11\x12\x03\x04\x13\x14"


def test_a_recording_is_a_stereo_file(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "call.wav", now=10.0)
    recording.tap(tapped(1000, 10.0))
    recording.tap(tapped(1000, 10.0, channel=RIGHT, payload=b"\x00" * 160))
    recording.write(10.02)
    recording.finish()
    with wave.open(str(tmp_path / "call.wav")) as file:
        assert (file.getnchannels(), file.getnframes()) == (2, 160)
        assert file.readframes(160) == struct.pack("<hh", 32124, -32124) * 160


def test_a_disk_that_stands_still_ends_the_recording(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "call.wav", now=10.0)
    for index in range(MAX_WAITING + 1):
        recording.tap(tapped(index * 160, 10.0))
    assert recording.error == "the disk is too slow"
    recording.finish()


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="No such file"):
        Recording(tmp_path / "nowhere" / "call.wav", now=0.0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_ends_the_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recording = Recording(tmp_path / "call.wav", now=10.0)
    with Path("/dev/full").open("r+b", buffering=0) as full:
        monkeypatch.setattr(recording._writer, "_file", full)
        recording.tap(tapped(1000, 10.0))
        with pytest.raises(OSError, match="No space left"):
            recording.write(10.02)
