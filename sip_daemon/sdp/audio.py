"""One audio stream: what an m= line and its attributes mean.

The rule of this file: it translates between `MediaDescription` (text) and `AudioDescription` (meaning), and knows
nothing of who offered and who answers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from typing import Final

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import TransportAddress
from sip_daemon.sdp.codec import STATIC_CODECS, Codec
from sip_daemon.sdp.description import (
    Attribute,
    Connection,
    MediaDescription,
    SessionDescription,
    parse_number,
)

MAX_CLOCK_RATE: Final = 384_000
MAX_CHANNELS: Final = 8
MAX_PTIME_MS: Final = 1000
CACHED_LENGTH: Final = 256

ICE_ATTRIBUTES: Final = frozenset({"ice-ufrag", "ice-pwd", "ice-options", "ice-lite", "candidate", "end-of-candidates"})
FINGERPRINT_ATTRIBUTES: Final = frozenset({"fingerprint", "setup"})


class Direction(StrEnum):
    """Who sends, as the side that writes it sees it (RFC 8866 §6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @classmethod
    def of(cls, *, sends: bool, receives: bool) -> Direction:
        if sends:
            return cls.SENDRECV if receives else cls.SENDONLY
        return cls.RECVONLY if receives else cls.INACTIVE

    @property
    def sends(self) -> bool:
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    @property
    def reversed(self) -> Direction:
        """The same stream from the other end: `sendonly` is answered `recvonly`."""
        return Direction.of(sends=self.receives, receives=self.sends)

    def combined(self, other: Direction) -> Direction:
        """What both allow."""
        return Direction.of(sends=self.sends and other.sends, receives=self.receives and other.receives)


@dataclass(frozen=True, slots=True)
class AudioDescription:
    """One side's audio stream: where it listens and what it takes."""

    address: TransportAddress
    """Where that side receives RTP; the host is unspecified (0.0.0.0 or ::) for the old form of hold."""
    codecs: tuple[Codec, ...]
    """In order of preference, under the numbers that this side announced."""
    direction: Direction = Direction.SENDRECV
    """As that side sees it."""
    profile: str = "RTP/AVP"
    rtcp_port: int | None = None
    """None: the port after the RTP port (RFC 3605)."""
    rtcp_mux: bool = False
    """RTCP on the RTP port (RFC 5761)."""
    ptime: int | None = None
    """Milliseconds of audio in a packet that it would like to receive."""
    crypto: tuple[str, ...] = field(default=(), repr=False)
    """Values of a=crypto, unread: they hold keys, so they are in no repr and in no dump."""
    fingerprint: tuple[str, ...] = ()
    """Lines of a=fingerprint and a=setup without the a=, unread."""
    ice: tuple[str, ...] = field(default=(), repr=False)
    """Lines of the ICE attributes without the a=, unread."""

    @property
    def is_hold(self) -> bool:
        """Whether that side wants to hear nothing: sendonly, inactive or an unspecified address."""
        return not self.direction.receives

    @property
    def has_no_address(self) -> bool:
        """Whether nothing can be sent to it."""
        return is_unspecified(self.address.host)

    @property
    def speech_codecs(self) -> tuple[Codec, ...]:
        return tuple(codec for codec in self.codecs if codec.is_speech)

    def with_direction(self, direction: Direction) -> AudioDescription:
        return replace(self, direction=direction)

    def with_address(self, address: TransportAddress) -> AudioDescription:
        return replace(self, address=address)

    @classmethod
    def read(cls, media: MediaDescription, session: SessionDescription) -> AudioDescription:
        """The meaning of an m=audio line. Raises `RemoteProtocolError`: 400, or 488 for an address of no use."""
        host = connection_host(media.connection or session.connection)
        direction = read_direction(media, session)
        if is_unspecified(host):
            direction = direction.combined(Direction.SENDONLY)  # RFC 3264 §8.4: hold as RFC 2543 wrote it
        return cls(
            address=TransportAddress(host, media.port),
            codecs=read_codecs(media),
            direction=direction,
            profile=media.protocol.upper(),
            rtcp_port=read_rtcp_port(media),
            rtcp_mux=media.value("rtcp-mux") is not None,
            ptime=read_ptime(media, session),
            crypto=tuple(media.values("crypto")),
            fingerprint=raw_lines(media, session, FINGERPRINT_ATTRIBUTES),
            ice=raw_lines(media, session, ICE_ATTRIBUTES),
        )

    def to_media(self) -> MediaDescription:
        """The m= line and its attributes, c= included."""
        return MediaDescription(
            kind="audio",
            port=self.address.port,
            protocol=self.profile,
            formats=tuple([str(codec.payload_type) for codec in self.codecs]),
            connection=Connection.to_host(self.address.host),
            attributes=tuple(self.attributes()),
        )

    def attributes(self) -> list[Attribute]:
        lines: list[Attribute] = []
        for codec in self.codecs:
            lines.append(("rtpmap", f"{codec.payload_type} {codec.encoding}"))
            if codec.parameters:
                lines.append(("fmtp", f"{codec.payload_type} {codec.parameters}"))
        if self.ptime is not None:
            lines.append(("ptime", str(self.ptime)))
        if self.rtcp_port is not None:
            lines.append(("rtcp", str(self.rtcp_port)))
        if self.rtcp_mux:
            lines.append(("rtcp-mux", None))
        lines += [("crypto", value) for value in self.crypto]
        for line in (*self.fingerprint, *self.ice):
            name, colon, value = line.partition(":")
            lines.append((name, value if colon else None))
        lines.append((self.direction.value, None))
        return lines

    def dump(self) -> dict[str, object]:
        """JSON values for `load`. Keys and ICE credentials stay out: a call's state holds no key material."""
        return {
            "host": self.address.host,
            "port": self.address.port,
            "codecs": [dump_codec(codec) for codec in self.codecs],
            "direction": self.direction.value,
            "profile": self.profile,
            "rtcp_port": self.rtcp_port,
            "rtcp_mux": self.rtcp_mux,
            "ptime": self.ptime,
        }

    @classmethod
    def load(cls, state: Mapping[str, object]) -> AudioDescription:
        """What `dump` gave; KeyError, TypeError or ValueError for anything else."""
        host, port, codecs, ptime, rtcp_port = (state[key] for key in ("host", "port", "codecs", "ptime", "rtcp_port"))
        if not (isinstance(host, str) and isinstance(port, int) and isinstance(codecs, list)):
            raise TypeError("not an audio description")
        if not (isinstance(ptime, int | None) and isinstance(rtcp_port, int | None)):
            raise TypeError("not an audio description")
        return cls(
            address=TransportAddress(host, port),
            codecs=tuple(load_codec(codec) for codec in codecs),
            direction=Direction(str(state["direction"])),
            profile=str(state["profile"]),
            rtcp_port=rtcp_port,
            rtcp_mux=bool(state["rtcp_mux"]),
            ptime=ptime,
        )


def dump_codec(codec: Codec) -> list[object]:
    return [codec.payload_type, codec.name, codec.clock_rate, codec.channels, codec.parameters]


def load_codec(values: object) -> Codec:
    match values:
        case [int(number), str(name), int(rate), int(channels), str(parameters)]:
            return Codec(number, name, rate, channels, parameters)
        case _:
            raise TypeError("not a codec")


def is_unspecified(host: str) -> bool:
    return host in ("0.0.0.0", "::")  # noqa: S104


def connection_host(connection: Connection | None) -> str:
    """The bare address of a c= line, normalised. Names are refused: no telephone sends one, and looking it up here
    would let a peer make us ask its name server."""
    if connection is None:
        raise RemoteProtocolError("the audio stream has no c= line")
    return usable_host(connection.address.partition("/")[0])


@lru_cache(maxsize=1024)
def usable_host(text: str) -> str:
    """A phone names the same address in each call."""
    if text.lower().endswith(".invalid"):
        return "0.0.0.0"  # noqa: S104  RFC 6157 §4.1: how IPv6 phones wrote an unspecified address
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise unusable_address("the address of the audio stream is not an IP address") from None
    if address.is_multicast or text == "255.255.255.255" or "%" in text:
        raise unusable_address("the address of the audio stream is not that of one host")
    return str(address)


def unusable_address(message: str) -> RemoteProtocolError:
    return RemoteProtocolError(message, status=488, warning="The media address is not usable")


def read_direction(media: MediaDescription, session: SessionDescription) -> Direction:
    """The stream's own attribute, else the session's, else sendrecv (RFC 8866 §6.7)."""
    for attributes in (media.attributes, session.attributes):
        for name, value in attributes:
            if value is None and (direction := DIRECTIONS.get(name.lower())) is not None:
                return direction
    return Direction.SENDRECV


DIRECTIONS: Final = {direction.value: direction for direction in Direction}


def read_codecs(media: MediaDescription) -> tuple[Codec, ...]:
    """Each format with its rtpmap and fmtp. A dynamic number without rtpmap means nothing and is passed over."""
    encodings = read_numbered(media, "rtpmap")
    parameters = read_numbered(media, "fmtp")
    for number, encoding in encodings.items():
        read_codec(number, encoding, "")  # also of those that no format names
    numbers = [parse_number(text, 0, 127, "payload type") for text in dict.fromkeys(media.formats)]
    found = [read_codec(number, encodings.get(number, ""), parameters.get(number, "")) for number in numbers]
    return tuple([codec for codec in found if codec is not None])


def read_numbered(media: MediaDescription, name: str) -> dict[int, str]:
    """The values of attributes that begin with a payload type, by it; of two for one number the first counts."""
    found: dict[int, str] = {}
    for value in media.values(name):
        number, _, rest = value.partition(" ")
        found.setdefault(parse_number(number, 0, 127, "payload type"), rest.strip())
    return found


def read_codec(number: int, encoding: str, parameters: str) -> Codec | None:
    """One payload type by its rtpmap ("" for none) and fmtp; phones say the same few all day long."""
    read = _read_codec_cached if len(encoding) + len(parameters) <= CACHED_LENGTH else _read_codec
    return read(number, encoding, parameters)


def _read_codec(number: int, encoding: str, parameters: str) -> Codec | None:
    if encoding:
        return read_encoding(number, encoding, parameters)
    static = STATIC_CODECS.get(number)
    return replace(static, parameters=parameters) if static is not None and parameters else static


_read_codec_cached = lru_cache(maxsize=1024)(_read_codec)


def read_encoding(number: int, encoding: str, parameters: str) -> Codec:
    """`name/rate[/channels]`; the rate of telephone-event may be left out, as some gateways do."""
    name, _, rest = encoding.partition("/")
    name = name.strip()
    if not (0 < len(name) <= 32 and name.isascii() and name.isprintable() and " " not in name):
        raise RemoteProtocolError("an rtpmap line of the session description has no proper codec name")
    rate, _, channels = rest.partition("/")
    if not rate and name.lower() == "telephone-event":
        rate = "8000"
    return Codec(
        number,
        name,
        parse_number(rate.strip(), 1, MAX_CLOCK_RATE, "clock rate"),
        parse_number(channels.strip(), 1, MAX_CHANNELS, "number of channels") if channels.strip() else 1,
        parameters,
    )


def read_rtcp_port(media: MediaDescription) -> int | None:
    """The port of a=rtcp (RFC 3605); an address beside it is passed over, it is always that of c=."""
    value = media.value("rtcp")
    return parse_number(value.split()[0] if value else "", 1, 65535, "RTCP port") if value is not None else None


def read_ptime(media: MediaDescription, session: SessionDescription) -> int | None:
    """Milliseconds, rounded: RFC 4566 also allowed fractions. 0 and an empty value ask for nothing."""
    value = media.value("ptime") or next((text for name, text in session.attributes if name == "ptime"), None)
    if not value:
        return None
    whole, _, fraction = value.partition(".")
    if fraction and not (fraction.isascii() and fraction.isdigit()):
        raise RemoteProtocolError("the packet time of the session description is not a number")
    return parse_number(whole, 0, MAX_PTIME_MS, "packet time") or None


def raw_lines(media: MediaDescription, session: SessionDescription, names: frozenset[str]) -> tuple[str, ...]:
    """Attributes kept unread; the stream's own come before the session's."""
    found = [one for attributes in (media.attributes, session.attributes) for one in attributes if one[0] in names]
    return tuple([name if value is None else f"{name}:{value}" for name, value in found]) if found else ()
