"""WAV files as far as telephony needs them: 8 kHz mono PCM16 or G.711 to read, 8 kHz stereo PCM16 to write.

Other rates and codings are converted when a sound is uploaded, not here.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

from sip_daemon.media.audio.g711 import SAMPLE_RATE, Law, convert, encode

PCM, A_LAW, MU_LAW, EXTENSIBLE = 1, 6, 7, 0xFFFE
MAX_FILE_BYTES = 64 * 1024 * 1024
"""More than an hour of PCM16: no greeting is longer."""

_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
HEADER_BYTES = _HEADER.size
MAX_DATA_BYTES = 0xFFFFFFFF - HEADER_BYTES


class WavError(ValueError):
    """The file is no WAV, or none of the kinds that are understood. The text is for a person."""


def read_codes(path: Path, law: Law) -> bytes:
    """The sound as G.711 codes. Raises `WavError`, and `OSError` when the file cannot be read.

    PCM costs a step of Python for each sample: call it in a thread.
    """
    if path.stat().st_size > MAX_FILE_BYTES:
        raise WavError(f"{path.name} is larger than {MAX_FILE_BYTES // 1024 // 1024} MiB")
    coding, data = parse(path.read_bytes())
    if coding == PCM:
        return encode(data, law)
    return convert(data, Law.PCMU if coding == MU_LAW else Law.PCMA, law)


def parse(content: bytes) -> tuple[int, bytes]:
    """The coding (`PCM`, `A_LAW` or `MU_LAW`) and the samples. Raises `WavError`."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise WavError("this is no WAV file")
    chunks = _chunks(content)
    try:
        coding, channels, rate, _, _, bits = _FORMAT.unpack_from(chunks[b"fmt "])
        data = chunks[b"data"]
    except (KeyError, struct.error):
        raise WavError("the WAV file has no format or no sound") from None
    if coding == EXTENSIBLE and len(chunks[b"fmt "]) >= 26:
        coding = int.from_bytes(chunks[b"fmt "][24:26], "little")
    if (rate, channels) != (SAMPLE_RATE, 1) or (coding, bits) not in ((PCM, 16), (A_LAW, 8), (MU_LAW, 8)):
        raise WavError("the sound is not 8 kHz mono, 16-bit PCM or G.711")
    return coding, data


def _chunks(content: bytes) -> dict[bytes, bytes]:
    """By name. The last one may be cut short: recorders that crash leave such files."""
    chunks: dict[bytes, bytes] = {}
    offset = 12
    while offset + _CHUNK.size <= len(content):
        name, size = _CHUNK.unpack_from(content, offset)
        offset += _CHUNK.size
        chunks.setdefault(name, content[offset : offset + size])
        offset += size + size % 2
    return chunks


def header(data_bytes: int, channels: int) -> bytes:
    """The beginning of a PCM16 file with that much sound."""
    frame = 2 * channels
    size = min(data_bytes, MAX_DATA_BYTES)
    return _HEADER.pack(
        b"RIFF", HEADER_BYTES - 8 + size, b"WAVE",
        b"fmt ", _FORMAT.size, PCM, channels, SAMPLE_RATE, SAMPLE_RATE * frame, frame, 16,
        b"data", size,
    )  # fmt: skip


class WavWriter:
    """Writes PCM16 as it comes; the header is true after each `flush`, so that a crash leaves a playable file."""

    def __init__(self, path: Path, channels: int) -> None:
        """Makes a new file; an existing one is never overwritten. Raises `OSError`."""
        self._channels = channels
        self._file: BinaryIO = path.open("xb")
        self._file.write(header(0, channels))
        self.data_bytes = 0

    def write(self, pcm: bytes) -> None:
        self._file.write(pcm)
        self.data_bytes += len(pcm)

    def flush(self) -> None:
        self._file.seek(0)
        self._file.write(header(self.data_bytes, self._channels))
        self._file.seek(0, 2)
        self._file.flush()

    def close(self) -> None:
        try:
            self.flush()
        finally:
            self._file.close()
