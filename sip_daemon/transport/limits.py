"""How much one peer, and all of them together, may take of us: one value object, passed in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TransportLimits:
    """Bounds of the transport layer. The defaults suit some thousand phones on a machine of 1 GiB."""

    max_connections: int = 4096
    """Stream connections in all."""
    max_connections_per_source: int = 512
    """Stream connections of one IPv4 address (a site behind one NAT address is one source) or IPv6 /64. Loopback is not
    limited."""
    first_message_seconds: float = 30.0
    """An accepted connection must have delivered a whole message by then."""
    message_seconds: float = 15.0
    """From the first byte of a message to its last: the bound against peers that drip bytes."""
    stranger_seconds: float = 120.0
    """From one whole message to the next on an accepted connection whose peer has shown no good credentials;
    keep-alives do not count."""
    idle_seconds: float = 3900.0
    """Silence on the connection of a phone, or on one that we opened. Longer than the longest registration (one hour),
    for a phone that sends no keep-alive is still called on the connection that it registered over."""
    closing_seconds: float = 5.0
    """For the last bytes to leave a connection that we close."""
    write_buffer_bytes: int = 262_144
    """Bytes that a peer may leave unread before its connection is closed."""
    connect_seconds: float = 10.0
    """For a connection that we open."""
    handshake_seconds: float = 10.0
    """For the TLS handshake of an accepted connection, from the connection on."""
    cached_flows: int = 8192
    """`Flow` values kept for each UDP socket; the oldest are forgotten first."""
    datagrams_per_wake: int = 32
    """Datagrams taken from one socket before the loop turns to others."""
    backlog_bytes: int = 262_144
    """Waiting in one socket, as the kernel counts (1.3 to 2.3 KB a message): more than a hundred messages, some 50 ms
    of work, are a backlog. Peers that wait for each answer before they ask again get there in their hundreds only,
    however fast they are. Where the kernel keeps less than twice that, half of what it keeps."""
    accepts_per_wake: int = 16
    """Connections taken from one listener before the loop turns to others."""
    sweep_seconds: float = 1.0
    """How often overdue connections are looked for (a look at the head of a heap)."""
