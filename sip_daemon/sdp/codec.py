"""Audio codecs as SDP names them, and which of them this system can carry.

The rule of this file: audio is relayed, not decoded, so a codec is usable when its packets mean the same on both legs.
A payload that speaks of other payload type numbers (RED, RTX, FEC) does not: the numbers differ from leg to leg.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from sip_daemon.errors import LocalProtocolError

FIRST_DYNAMIC: Final = 96
LAST_PAYLOAD_TYPE: Final = 127


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type of an audio stream: number, rtpmap and fmtp (RFC 8866 §6.6, §6.15)."""

    payload_type: int
    name: str
    """As it was written; names compare without regard to case."""
    clock_rate: int
    """Hz, of the RTP clock (G722 says 8000, RFC 3551 §4.5.2)."""
    channels: int = 1
    parameters: str = ""
    """The fmtp value, without the number."""

    @property
    def is_telephone_event(self) -> bool:
        """DTMF (RFC 4733)."""
        return self.name.lower() == "telephone-event"

    @property
    def is_comfort_noise(self) -> bool:
        return self.name.upper() == "CN"

    @property
    def is_speech(self) -> bool:
        """Whether it carries the conversation itself: an answer of telephone-event alone is no audio."""
        return not (self.is_telephone_event or self.is_comfort_noise)

    @property
    def is_relayable(self) -> bool:
        return self.name.upper() in RELAYABLE

    @property
    def is_playable(self) -> bool:
        """Whether our own players and recorders speak it: G.711 at its one rate."""
        return self.name.upper() in PLAYABLE and (self.clock_rate, self.channels) == (8000, 1)

    def same_as(self, other: Codec) -> bool:
        """Whether the packets mean the same, whatever number they carry."""
        return self.identity == other.identity

    @property
    def identity(self) -> tuple[object, ...]:
        """Name, rate, channels, and those parameters that change the payload format itself."""
        name = self.name.upper()
        distinguishing = FORMAT_PARAMETERS.get(name)
        if distinguishing is None:
            return name, self.clock_rate, self.channels
        given = self.parameter_values()
        return (
            name,
            self.clock_rate,
            self.channels,
            *(given.get(key, default) for key, default in distinguishing.items()),
        )

    def parameter_values(self) -> dict[str, str]:
        """The fmtp value taken apart; names in lower case."""
        pairs = (part.partition("=") for part in self.parameters.split(";"))
        return {key.strip().lower(): value.strip() for key, _, value in pairs if key.strip()}

    def numbered(self, payload_type: int) -> Codec:
        """The same codec under another number."""
        return self if payload_type == self.payload_type else replace(self, payload_type=payload_type)

    @property
    def encoding(self) -> str:
        """Name, rate and channels as rtpmap writes them."""
        channels = f"/{self.channels}" if self.channels != 1 else ""
        return f"{self.name}/{self.clock_rate}{channels}"

    def __str__(self) -> str:
        return self.encoding


def find(codecs: Iterable[Codec], wanted: Codec) -> Codec | None:
    """The first of `codecs` that is the same as `wanted`."""
    identity = wanted.identity
    for codec in codecs:
        if codec is wanted or codec.identity == identity:
            return codec
    return None


def numbered_apart(codecs: Iterable[Codec], used: Iterable[Codec]) -> tuple[Codec, ...]:
    """The codecs with numbers that suit a stream on which `used` were announced before.

    RFC 3264 §8.3.2: within one session a number never changes its meaning. A codec keeps the number it had there,
    otherwise the one it brings if that is free, otherwise gets a free dynamic one.
    """
    before = list(used)
    taken = {codec.payload_type: codec for codec in reversed(before)}
    chosen: list[Codec] = []
    for codec in codecs:
        known = find(before, codec)
        number = known.payload_type if known is not None else codec.payload_type
        if known is None and number in taken:
            number = free_number(taken)
        placed = codec.numbered(number)
        if any(other.payload_type == number for other in chosen):
            continue
        taken[number] = placed
        chosen.append(placed)
    return tuple(chosen)


def free_number(taken: Mapping[int, Codec]) -> int:
    for number in range(FIRST_DYNAMIC, LAST_PAYLOAD_TYPE + 1):
        if number not in taken:
            return number
    raise LocalProtocolError("all dynamic payload types of the stream are in use")


STATIC_CODECS: Final[Mapping[int, Codec]] = {
    codec.payload_type: codec
    for codec in (
        Codec(0, "PCMU", 8000),
        Codec(3, "GSM", 8000),
        Codec(4, "G723", 8000),
        Codec(5, "DVI4", 8000),
        Codec(6, "DVI4", 16000),
        Codec(7, "LPC", 8000),
        Codec(8, "PCMA", 8000),
        Codec(9, "G722", 8000),
        Codec(10, "L16", 44100, 2),
        Codec(11, "L16", 44100),
        Codec(12, "QCELP", 8000),
        Codec(13, "CN", 8000),
        Codec(15, "G728", 8000),
        Codec(16, "DVI4", 11025),
        Codec(17, "DVI4", 22050),
        Codec(18, "G729", 8000),
    )
}
"""Payload types that need no rtpmap (RFC 3551 table 4)."""

PLAYABLE: Final = frozenset({"PCMU", "PCMA"})
"""What our tones, files and the echo test are made of."""

RELAYABLE_NAMES: Final = """
    PCMU PCMA G722 OPUS TELEPHONE-EVENT CN
    G729 G729D G729E G723 G728 GSM GSM-EFR GSM-HR-08 ILBC SPEEX AMR AMR-WB AMR-WB+ EVS
    G7221 G719 G7291 G711WB PCMU-WB PCMA-WB
    G726-16 G726-24 G726-32 G726-40 AAL2-G726-16 AAL2-G726-24 AAL2-G726-32 AAL2-G726-40
    DVI4 LPC L8 L16 L24 BV16 BV32 SILK ISAC QCELP EVRC EVRC0 EVRC1 EVRCB EVRCWB SMV CODEC2 LYRA
"""
RELAYABLE: Final = frozenset(RELAYABLE_NAMES.split())
"""Speech codecs whose packets stand alone, in upper case. RED, RTX, ULPFEC and FLEXFEC are left out for the reason
above, MPEG audio for being no telephone's."""

FORMAT_PARAMETERS: Final[Mapping[str, Mapping[str, str]]] = {
    "AMR": {"octet-align": "0", "crc": "0", "robust-sorting": "0", "interleaving": ""},
    "AMR-WB": {"octet-align": "0", "crc": "0", "robust-sorting": "0", "interleaving": ""},
    "G7221": {"bitrate": ""},
}
"""fmtp parameters without which two payloads of one name are not the same format, with their defaults (RFC 4867 §8.3.1:
an answer may not change them; RFC 5577 §4)."""

DEFAULT_CODECS: Final = (
    Codec(9, "G722", 8000),
    Codec(8, "PCMA", 8000),
    Codec(0, "PCMU", 8000),
    Codec(101, "telephone-event", 8000, 1, "0-15"),
)
"""What we offer when nobody's offer is there to pass on (an INVITE without one)."""

SERVICE_CODECS: Final = (
    Codec(8, "PCMA", 8000),
    Codec(0, "PCMU", 8000),
    Codec(101, "telephone-event", 8000, 1, "0-15"),
)
"""What we offer when one of our own players answers."""
