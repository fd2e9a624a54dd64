"""Who the transport hands its news to, synchronously and in the order in which things came in.

One rule: nothing is told from within a call of the receiver's own, such as `send`.
"""

from __future__ import annotations

from typing import Protocol

from sip_daemon.errors import RemoteProtocolError
from sip_daemon.flow import Flow


class TransportReceiver(Protocol):
    """The layer above (the endpoint). None of these may raise."""

    def message_received(self, data: bytes, flow: Flow) -> None:
        """A datagram, or one whole message of a stream."""

    def framing_failed(self, error: RemoteProtocolError, flow: Flow) -> None:
        """The stream can't be cut into messages any more. What is sent now still leaves; then it is closed."""

    def flow_closed(self, flow: Flow) -> None:
        """A stream connection is gone, whoever closed it; reported once."""

    def connection_news(self, flow: Flow, text: str) -> None:
        """For people who look: a stream connection was made, or why it ended. Nothing depends on it."""

    def flow_failed(self, flow: Flow, error: OSError) -> None:
        """An ICMP error for what we sent to a UDP peer (RFC 3261 §18.4). The flow may work again later."""


class Deaf:
    """A receiver for the time before there is one."""

    def message_received(self, data: bytes, flow: Flow) -> None:
        """Nobody listens yet."""

    def framing_failed(self, error: RemoteProtocolError, flow: Flow) -> None:
        """Nobody listens yet."""

    def flow_closed(self, flow: Flow) -> None:
        """Nobody listens yet."""

    def connection_news(self, flow: Flow, text: str) -> None:
        """Nobody listens yet."""

    def flow_failed(self, flow: Flow, error: OSError) -> None:
        """Nobody listens yet."""
