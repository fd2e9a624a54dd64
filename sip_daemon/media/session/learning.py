"""Learning where the peer really is: behind NAT its audio does not come from the address in its SDP.

The described address wins as soon as one packet comes from it. Otherwise the first source that shows three packets
in sequence is taken, the host that the signalling comes from before any other. Once taken, it stays until the next
offer/answer: everyone else is counted and dropped, so nobody can steer a call to himself by sending to our port.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

SocketAddress = tuple[str, int] | tuple[str, int, int, int]
"""As `recvfrom` gives it and `sendto` takes it; IPv6 ones carry flow and scope."""

PACKETS_IN_SEQUENCE = 3
"""What a stranger has to show (RFC 3550 appendix A.1 asks for two)."""

MAX_CANDIDATES = 8
"""Sources observed at a time; a flood of forged ones pushes out only each other."""


@dataclass(slots=True)
class _Candidate:
    ssrc: int
    sequence: int
    count: int = 1


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

    def receive(self, source: SocketAddress, ssrc: int, sequence: int) -> bool:
        """Whether the packet counts as the peer's. Called for each one whose source is not `learned`."""
        if self._is_described(source) or (self.learned is None and source == self._incumbent):
            self._take(source)
            return True
        if self.learned is not None:
            return False
        if self._count(source, ssrc, sequence) < PACKETS_IN_SEQUENCE or self._is_outranked(source):
            return False
        self._take(source)
        return True

    def is_peer_host(self, source: SocketAddress) -> bool:
        """Whether RTCP may come from there: another port of the host that RTP goes to."""
        target = self.target
        return target is not None and plain_host(source[0]) == plain_host(target[0])

    def _is_described(self, source: SocketAddress) -> bool:
        described = self.described
        return described is not None and source[1] == described[1] and plain_host(source[0]) == described[0]

    def _take(self, source: SocketAddress) -> None:
        self.learned = source
        self._incumbent = None
        self._candidates.clear()

    def _count(self, source: SocketAddress, ssrc: int, sequence: int) -> int:
        """How many packets in sequence it has shown, this one included."""
        candidate = self._candidates.get(source)
        if candidate is None:
            if len(self._candidates) >= MAX_CANDIDATES:
                self._forget_one()
            self._candidates[source] = _Candidate(ssrc, sequence)
            return 1
        follows = candidate.ssrc == ssrc and sequence == (candidate.sequence + 1) & 0xFFFF
        candidate.count = candidate.count + 1 if follows else 1
        candidate.ssrc, candidate.sequence = ssrc, sequence
        return candidate.count

    def _forget_one(self) -> None:
        """The oldest one that is not on the signalling peer's host."""
        rank: Callable[[SocketAddress], bool] = self._is_preferred
        del self._candidates[min(self._candidates, key=rank)]

    def _is_preferred(self, source: SocketAddress) -> bool:
        host = plain_host(source[0])
        return host == self._preferred_host or (self.described is not None and host == self.described[0])

    def _is_outranked(self, source: SocketAddress) -> bool:
        """A stranger waits as long as the signalling peer's host is sending too."""
        return not self._is_preferred(source) and any(map(self._is_preferred, self._candidates))


def plain_host(host: str) -> str:
    """One spelling for one address; a scope (`%eth0`) is left out."""
    if ":" not in host:
        return host
    bare = host.partition("%")[0]
    try:
        return str(ip_address(bare))
    except ValueError:
        return host
