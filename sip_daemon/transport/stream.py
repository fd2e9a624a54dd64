"""One stream connection: bytes in, whole messages out in order, and the bounds that keep a peer from holding us.

Whatever differs between kinds of stream (TCP now; TLS and WebSocket are the same with another framing and an
upgrade before it) is in `StreamKind`. The connection itself never knows its kind.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from sip_daemon.errors import RemoteProtocolError, TransportError
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import PONG_BYTES, Frame, Ping, StreamFramer
from sip_daemon.transport.limits import TransportLimits

logger = logging.getLogger("sip_daemon.transport")


class Framing(Protocol):
    """Cuts a byte stream into messages and keep-alives."""

    @property
    def error(self) -> RemoteProtocolError | None:
        """Why nothing more can be framed; set at the latest when `receive_data` raises it."""

    @property
    def is_inside_message(self) -> bool:
        """Whether part of a message waits for the rest."""

    def receive_data(self, data: bytes) -> list[Frame]:
        """What is whole by now, in order. Raises RemoteProtocolError when there is nothing but a fault."""


@dataclass(frozen=True, slots=True)
class StreamKind:
    """What makes a stream transport: its name in a Via and how its bytes are framed."""

    transport: TransportProtocol
    new_framing: Callable[[], Framing]


TCP = StreamKind(TransportProtocol.TCP, StreamFramer)
TLS = StreamKind(TransportProtocol.TLS, StreamFramer)


class ConnectionOwner(Protocol):
    """What a connection asks of the table that holds it."""

    limits: TransportLimits

    def opened(self, connection: StreamConnection) -> None: ...
    def message_received(self, data: bytes, flow: Flow) -> None: ...
    def framing_failed(self, error: RemoteProtocolError, flow: Flow) -> None: ...
    def set_deadline(self, connection: StreamConnection, seconds: float) -> None: ...
    def closed(self, connection: StreamConnection) -> None: ...


class StreamConnection(asyncio.Protocol):
    """A connection from its first byte to its last.

    Deadlines: an accepted connection must deliver a whole message soon, and then one now and then until its peer is
    trusted; a message once begun must end in time; a trusted peer may be silent for long. `ending` says which of them
    passed.
    """

    __slots__ = (
        "_begun",
        "_framing",
        "_is_trusted",
        "_overdue",
        "_owner",
        "_transport",
        "ending",
        "flow",
        "is_open",
        "kind",
        "number",
    )

    def __init__(self, kind: StreamKind, owner: ConnectionOwner, number: int, *, is_accepted: bool) -> None:
        self.kind = kind
        self.number = number
        self.flow: Flow | None = None
        """Known once connected."""
        self.is_open = False
        self.ending = ""
        """Why it ends, for the log: the first reason stays."""
        self._owner = owner
        self._framing = kind.new_framing()
        self._transport: asyncio.Transport | None = None
        self._is_trusted = not is_accepted
        self._begun = False
        """A message has begun and is not whole yet; its deadline stands."""
        self._overdue = ""
        """What it means when the present deadline passes."""

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)
        local, remote = transport.get_extra_info("sockname"), transport.get_extra_info("peername")
        if not local or not remote:  # The peer was gone before we looked.
            self._transport.abort()
            return
        peer = address_of(remote)
        if "%" in peer.host:
            # A link-local peer: its zone is known by the connection, and in SIP it has no place.
            peer = TransportAddress(peer.host.partition("%")[0], peer.port)
        self.flow = Flow(self.kind.transport, address_of(local), peer, self.number)
        self.is_open = True
        self._owner.opened(self)
        limits = self._owner.limits
        self._set_deadline(
            limits.idle_seconds if self._is_trusted else limits.first_message_seconds, "sent no message in time"
        )

    def data_received(self, data: bytes) -> None:
        if not self.is_open or self.flow is None:
            return
        try:
            frames = self._framing.receive_data(data)
        except RemoteProtocolError:
            frames = []
        self._renew_deadline(has_message=any(isinstance(frame, bytes) for frame in frames))
        for frame in frames:
            self._take(frame)
        error = self._framing.error
        if error is not None and self.is_open:
            self.ending = f"sent what is no message: {error}"
            self._owner.framing_failed(error, self.flow)
            self.close(self.ending)

    def eof_received(self) -> None:
        """The peer has said all; half-open connections are of no use in SIP, so the transport closes itself."""
        self.ending = self.ending or "closed by the peer"

    def connection_lost(self, exc: Exception | None) -> None:
        self.ending = self.ending or (f"lost: {exc}" if exc else "closed by the peer")
        self.is_open = False
        if self.flow is not None:
            self._owner.closed(self)

    # our side

    def send(self, data: bytes) -> None:
        """Raises TransportError if it is closed, or closed now because the peer does not read."""
        if self._transport is None or not self.is_open:
            raise TransportError(f"connection {self.flow} is closed")
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > self._owner.limits.write_buffer_bytes:
            self.abort("does not read what we send")
            raise TransportError(f"{self.flow} does not read what we send")

    def close(self, reason: str) -> None:
        """What was written still leaves, within `closing_seconds`; nothing more is read or sent."""
        if self._transport is None or not self.is_open:
            return
        self.ending = self.ending or reason
        self.is_open = False
        self._transport.close()
        self._owner.set_deadline(self, self._owner.limits.closing_seconds)

    def abort(self, reason: str) -> None:
        """Ends it at once. The owner hears of it from the loop, never from within a call of its own."""
        self.ending = self.ending or reason
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def trust(self) -> None:
        """The peer has shown good credentials: it may be silent for long."""
        if not self._is_trusted:
            self._is_trusted = True
            if not self._begun:
                self._set_idle_deadline()

    def expire(self) -> None:
        """The deadline has passed."""
        self.abort(self._overdue)

    def _take(self, frame: Frame) -> None:
        if not self.is_open or self.flow is None:
            return  # Closed by what came before in the same read.
        if isinstance(frame, bytes):
            self._owner.message_received(frame, self.flow)
        elif isinstance(frame, Ping):
            try:
                self.send(PONG_BYTES)
            except TransportError:
                pass  # It is closed now, and the owner knows.

    def _renew_deadline(self, *, has_message: bool) -> None:
        limits = self._owner.limits
        if self._framing.is_inside_message:
            if has_message or not self._begun:
                self._begun = True
                self._set_deadline(limits.message_seconds, "sent half a message and no more")
        elif self._is_trusted or has_message:
            self._begun = False
            self._set_idle_deadline()

    def _set_idle_deadline(self) -> None:
        if self._is_trusted:
            self._set_deadline(self._owner.limits.idle_seconds, "was silent for too long")
        else:
            self._set_deadline(self._owner.limits.stranger_seconds, "showed no credentials in time")

    def _set_deadline(self, seconds: float, reason: str) -> None:
        self._overdue = reason
        self._owner.set_deadline(self, seconds)


def address_of(sockaddr: tuple[str, int]) -> TransportAddress:
    """A `TransportAddress` from a socket address of either family."""
    return TransportAddress(sockaddr[0], sockaddr[1])
