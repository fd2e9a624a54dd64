"""Learning where the peer really is: behind NAT its audio does not come from the address in its SDP.

The described address wins as soon as one packet comes from it. Otherwise the first source that shows three packets
in sequence is taken, the host that the signalling comes from before any other. Once taken, it stays until the next
offer/answer: everyone else is counted and dropped, so nobody can steer a call to himself by sending to our port.

The packets by which a source shows itself are kept, and count once it is taken: the first word is not cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from sip_daemon.media.packets.rtp import SEQUENCE_MASK, RtpPacket

SocketAddress = tuple[str, int] | tuple[str, int, int, int]
"""As `recvfrom` gives it and `sendto` takes it; IPv6 ones carry flow and scope."""

PACKETS_IN_SEQUENCE = 3
"""What a stranger has to show (RFC 3550 appendix A.1 asks for two)."""

MAX_PAUSE_SECONDS = 1.0
"""Longer ago is not "in sequence" any more, and nobody wants to hear it."""

HEARD_SECONDS = 0.3
"""A candidate that was silent for longer stands in nobody's way."""

MAX_CANDIDATES = 8
"""Sources observed at a time; a flood of forged ones pushes out only each other."""


Arrival = tuple[RtpPacket, float]
"""A packet and when it came."""


@dataclass(slots=True)
class _Candidate:
    shown: list[Arrival]
    """Its packets in sequence, fewer than `PACKETS_IN_SEQUENCE`."""

    def is_followed_by(self, packet: RtpPacket, now: float) -> bool:
        last, at = self.shown[-1]
        is_next = packet.ssrc == last.ssrc and packet.sequence == (last.sequence + 1) & SEQUENCE_MASK
        return is_next and now - at < MAX_PAUSE_SECONDS

    def was_heard(self, now: float) -> bool:
        return now - self.shown[-1][1] < HEARD_SECONDS


class AddressLearner:
    """Decides for each well-formed packet from somewhere else whether its source is the peer."""

    def __init__(self) -> None:
        self.described: tuple[str, int] | None = None
        """From SDP."""
        self.learned: SocketAddress | None = None
        """Where the peer's packets come from; None until something was learned."""
        self._preferred_host: str | None = None
        self._incumbent: SocketAddress | None = None
        """Learned before the last offer/answer: trusted again with its first packet."""
        self._candidates: dict[SocketAddress, _Candidate] = {}

    @property
    def target(self) -> SocketAddress | None:
        """Where to send to: what is known best at this moment."""
        return self.learned or self._incumbent or self.described

    def start(self, described: tuple[str, int] | None, signalling_host: str | None) -> None:
        """An offer/answer has been concluded: learn again. The old address stays in use while SDP names no new one."""
        described = (plain_host(described[0]), described[1]) if described is not None else None
        if described == self.described:
            self._incumbent = self.learned or self._incumbent
        else:
            self._incumbent = None
        self.described = described
        self.learned = None
        self._preferred_host = plain_host(signalling_host) if signalling_host is not None else None
        self._candidates.clear()

    def receive(self, source: SocketAddress, packet: RtpPacket, now: float) -> Sequence[Arrival]:
        """What of the peer's is known now: none, this packet, or with it those that came before it was believed.

        Called for each packet whose source is not `learned`.
        """
        if self.is_described(source) or (self.learned is None and source == self._incumbent):
            self._take(source)
            return ((packet, now),)
        if self.learned is not None:
            return ()
        shown = self._show(source, packet, now)
        if len(shown) < PACKETS_IN_SEQUENCE:
            return ()
        if self._is_outranked(source, now):
            del shown[0]
            return ()
        self._take(source)
        return shown

    def is_described(self, source: SocketAddress) -> bool:
        """Whether it is the address of its description."""
        described = self.described
        return described is not None and source[1] == described[1] and plain_host(source[0]) == described[0]

    def is_peer_host(self, source: SocketAddress) -> bool:
        """Whether RTCP may come from there: another port of the host that RTP goes to."""
        target = self.target
        return target is not None and plain_host(source[0]) == plain_host(target[0])

    def _take(self, source: SocketAddress) -> None:
        self.learned = source
        self._incumbent = None
        self._candidates.clear()

    def _show(self, source: SocketAddress, packet: RtpPacket, now: float) -> list[Arrival]:
        """Its packets in sequence, this one included."""
        candidate = self._candidates.get(source)
        if candidate is None or not candidate.is_followed_by(packet, now):
            if candidate is None and len(self._candidates) >= MAX_CANDIDATES:
                self._forget_one()
            candidate = self._candidates[source] = _Candidate([])
        candidate.shown.append((packet, now))
        return candidate.shown

    def _forget_one(self) -> None:
        """The oldest one that is not on the signalling peer's host."""
        rank: Callable[[SocketAddress], bool] = self._is_preferred
        del self._candidates[min(self._candidates, key=rank)]

    def _is_preferred(self, source: SocketAddress) -> bool:
        host = plain_host(source[0])
        return host == self._preferred_host or (self.described is not None and host == self.described[0])

    def _is_outranked(self, source: SocketAddress, now: float) -> bool:
        """A stranger waits as long as the signalling peer's host is sending too."""
        return not self._is_preferred(source) and any(
            self._is_preferred(other) and candidate.was_heard(now) for other, candidate in self._candidates.items()
        )


def plain_host(host: str) -> str:
    """One spelling for one address; a scope (`%eth0`) is left out."""
    if ":" not in host:
        return host
    bare = host.partition("%")[0]
    try:
        return str(ip_address(bare))
    except ValueError:
        return host
