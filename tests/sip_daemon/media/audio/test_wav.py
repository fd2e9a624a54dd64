"""WAV files: what is read, what is written, what is refused."""

from __future__ import annotations

import contextlib
import io
import struct
import wave
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_daemon.media.audio import wav
from sip_daemon.media.audio.g711 import Law, decode


def made(pcm: bytes, *, rate: int = 8000, channels: int = 1, width: int = 2) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setparams((channels, width, rate, 0, "NONE", ""))
        file.writeframes(pcm)
    return target.getvalue()


def g711_file(coding: int, codes: bytes) -> bytes:
    head = struct.pack("<HHIIHHH", coding, 1, 8000, 8000, 1, 8, 0)
    chunks = b"fmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", len(codes)) + codes
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WAVE" + chunks


def test_pcm_is_read_as_codes_of_the_wanted_law(tmp_path: Path) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(made(decode(b"\xd5\x80\x2a", Law.PCMA)))
    assert wav.read_codes(path, Law.PCMA) == b"\xd5\x80\x2a"


@pytest.mark.parametrize(("coding", "law"), [(wav.MU_LAW, Law.PCMU), (wav.A_LAW, Law.PCMA)])
def test_g711_is_read_without_loss(tmp_path: Path, coding: int, law: Law) -> None:
    path = tmp_path / "sound.wav"
    path.write_bytes(g711_file(coding, b"\x00\x80\xd5\xff"))
    assert wav.read_codes(path, law) == b"\x00\x80\xd5\xff"


def test_a_file_that_was_cut_short_plays_as_far_as_it_goes() -> None:
    assert wav.parse(made(b"\x01\x02" * 100)[:-50]) == (wav.PCM, b"\x01\x02" * 75)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"RIFF",
        b"RIFF\x00\x00\x00\x00WAVE",
        made(b"", rate=44100),
        made(b"", channels=2),
        made(b"", width=1),
        g711_file(3, b"abcd"),
        b"ID3" + bytes(100),
    ],
    ids=["empty", "cut", "no chunks", "rate", "stereo", "8 bit", "float", "mp3"],
)
def test_what_cannot_be_played_is_refused(content: bytes) -> None:
    with pytest.raises(wav.WavError):
        wav.parse(content)


@given(st.binary(max_size=100))
def test_any_content_parses_or_raises_the_one_documented_error(content: bytes) -> None:
    with contextlib.suppress(wav.WavError):
        wav.parse(b"RIFF\x00\x00\x00\x00WAVE" + content)


def test_a_written_file_is_playable_after_each_flush(tmp_path: Path) -> None:
    path = tmp_path / "recording.wav"
    writer = wav.WavWriter(path, channels=2)
    writer.write(b"\x01\x00\x02\x00")
    writer.flush()
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        assert file.readframes(9) == b"\x01\x00\x02\x00"
    writer.write(b"\x03\x00\x04\x00")
    writer.close()
    with wave.open(str(path)) as file:
        assert file.readframes(9) == b"\x01\x00\x02\x00\x03\x00\x04\x00"


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "recording.wav"
    path.write_bytes(b"kept")
    with pytest.raises(FileExistsError):
        wav.WavWriter(path, channels=2)
    assert path.read_bytes() == b"kept"
