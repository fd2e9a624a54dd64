"""The way between two workers: a bridge whose legs live in different processes goes over loopback UDP.

Each worker has one such socket. Who wants to hear something from elsewhere gives out a token of 64 random bits; a
datagram is that token, the name of the format (payload type numbers differ from leg to leg) and the RTP packet as it
was received. Datagrams without a known token are dropped.
"""

from __future__ import annotations

import secrets
import socket
import struct

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.media.packets.rtp import RtpPacket
from sip_daemon.media.session.loop import EventLoop
from sip_daemon.media.session.relay import Forward, Forwarding, Target
from sip_daemon.media.session.stream import Accepted, ReceiveStream
from sip_daemon.sdp.codec import Codec

MAX_BYTES = 4096
MAX_FORMATS = 32
RECEIVE_BUFFER_BYTES = 1024 * 1024
_HEAD = struct.Struct("!QB")


class Hop:
    """This worker's end: a socket and the tokens that it has given out."""

    def __init__(self, loop: EventLoop) -> None:
        self._loop = loop
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.dropped = 0
        self._arrivals: dict[int, _Arrival] = {}
        loop.add(self._socket.fileno(), self._receive_one)

    def expect(self, target: Target) -> int:
        """A token by which audio from elsewhere reaches that leg."""
        token = secrets.randbits(64)
        self._arrivals[token] = _Arrival(target)
        return token

    def forget(self, token: int) -> None:
        self._arrivals.pop(token, None)

    def departure(self, port: int, token: int) -> Forward:
        """The way to the leg for which another worker has given out the token."""
        return _Departure(self._socket, port, token)

    def close(self) -> None:
        self._loop.remove(self._socket.fileno())
        self._socket.close()

    def _receive_one(self) -> None:
        try:
            data = self._socket.recv(MAX_BYTES)
        except OSError:
            return
        try:
            token, name_bytes = _HEAD.unpack_from(data)
            start = _HEAD.size + name_bytes
            self._arrivals[token].receive(data[_HEAD.size : start], data[start:], self._loop.now())
        except (KeyError, ValueError, RemoteProtocolError, struct.error):
            self.dropped += 1


class _Departure:
    """Implements `Forward`."""

    def __init__(self, sender: socket.socket, port: int, token: int) -> None:
        self._socket, self._address, self._token = sender, ("127.0.0.1", port), token
        self._heads: dict[Codec, bytes] = {}

    def forward(self, accepted: Accepted) -> None:
        codec = accepted.codec
        head = self._heads.get(codec)
        if head is None:
            name = pack_format(codec)
            head = self._heads[codec] = _HEAD.pack(self._token, len(name)) + name
        try:
            self._socket.sendto(head + accepted.packet.pack(), self._address)
        except OSError:
            return  # the other worker has gone; its calls end by themselves


class _Arrival:
    """Audio from elsewhere for one leg."""

    def __init__(self, target: Target) -> None:
        self._forwarding = Forwarding(target)
        self._formats: dict[bytes, Codec] = {}
        self._stream: ReceiveStream | None = None

    def receive(self, name: bytes, data: bytes, now: float) -> None:
        """Raises `ValueError` or `RemoteProtocolError` for what no worker of ours has sent."""
        codec = self._formats.get(name)
        if codec is None:
            if len(self._formats) >= MAX_FORMATS:
                raise ValueError("too many formats on one hop")
            codec = self._formats[name] = parse_format(name)
        packet = RtpPacket.parse(data)
        stream = self._stream
        if stream is None or not stream.is_continued_by(packet, codec):
            stream = ReceiveStream(packet.ssrc, packet.sequence, packet.timestamp, codec.clock_rate, now)
            self._stream = stream
        extended = stream.count_untimed(packet.sequence, len(packet.payload))
        self._forwarding.forward(Accepted(packet, codec, stream, extended, now))


def pack_format(codec: Codec) -> bytes:
    """Everything about a format but its number."""
    return "/".join((codec.name, str(codec.clock_rate), str(codec.channels), codec.parameters)).encode()[:255]


def parse_format(name: bytes) -> Codec:
    """Raises `ValueError`."""
    encoding, clock_rate, channels, parameters = name.decode().split("/", 3)
    return Codec(0, encoding, int(clock_rate), int(channels), parameters)
