"""What signalling told about one leg, and what follows from it for payload type numbers."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from sip_daemon.errors import MediaError
from sip_daemon.flow import TransportAddress
from sip_daemon.media.audio.g711 import Law
from sip_daemon.media.session.learning import plain_host
from sip_daemon.sdp.audio import Direction
from sip_daemon.sdp.codec import Codec


@dataclass(frozen=True, slots=True)
class LegDescription:
    """The result of one offer/answer."""

    address: TransportAddress
    """Where the peer says that it receives."""
    codecs: tuple[Codec, ...]
    """What the peer receives, under its numbers."""
    local_codecs: tuple[Codec, ...]
    """What we receive, under ours."""
    direction: Direction = Direction.SENDRECV
    """As seen from the peer."""
    signalling_host: str | None = None
    ptime: int = 20
    rtcp_port: int | None = None
    rtcp_mux: bool = False

    @property
    def described(self) -> tuple[str, int] | None:
        """The address to send to, unless it says "nowhere": RFC 3264 §8.4 for 0.0.0.0 and §6 for port 0."""
        host = self.address.host
        return None if self.address.port == 0 or host in ("0.0.0.0", "::") else (host, self.address.port)  # noqa: S104

    def check_family(self, ours: int) -> None:
        """Raises `MediaError` for an address that a socket of this family does not speak with.

        A name would mean a look-up on the packet path.
        """
        try:
            address = ip_address(plain_host(self.address.host))
        except ValueError:
            raise MediaError("the peer's media address is not an IP address") from None
        if self.described is not None and (address.version == 6) != (ours == socket.AF_INET6):
            raise MediaError("the peer's media address is of another IP version than ours")

    @property
    def received_formats(self) -> Mapping[int, Codec]:
        """What each payload type means that comes from the peer.

        It is to use our numbers (RFC 3264 §5.1), yet some phones keep to their own; these are understood where
        they do not contradict ours.
        """
        formats = {codec.payload_type: codec for codec in self.local_codecs}
        for codec in self.codecs:
            formats.setdefault(codec.payload_type, codec)
        return formats

    @property
    def playable(self) -> Codec | None:
        """The format for our own players: the first G.711 that the peer takes."""
        return next((codec for codec in self.codecs if codec.is_playable), None)


@dataclass(frozen=True, slots=True)
class Route:
    """How one received format goes out."""

    payload_type: int
    conversion: tuple[Law, Law] | None = None
    """From one law of G.711 to the other; anything else passes untouched."""


def law_of(codec: Codec) -> Law | None:
    """The companding law, if it is G.711."""
    return Law(codec.name.upper()) if codec.is_playable else None


def route(codec: Codec, accepted: Sequence[Codec]) -> Route | None:
    """The way of one format to a peer which accepts these; None if it takes nothing of the kind."""
    for candidate in accepted:
        if candidate.same_as(codec):
            return Route(candidate.payload_type)
    law = law_of(codec)
    if law is None:
        return None
    for candidate in accepted:
        other = law_of(candidate)
        if other is not None:
            return Route(candidate.payload_type, (law, other))
    return None
