"""A network between phones and the daemon that loses, doubles and delays datagrams, as told in lists of fates."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sip_daemon.flow import TransportAddress
from tests.support.phones import Datagram, Network
from tests.support.transactions import Fate

DELAY = 0.7
"""Seconds: long enough for a later datagram, and for its own repetition, to overtake it."""


class BadNetwork(Network):
    """`fates` of a direction are used up one by one; from then on everything is delivered."""

    def __init__(self) -> None:
        super().__init__()
        self._fates: dict[tuple[TransportAddress, TransportAddress], list[Fate]] = {}

    def treat(self, source: TransportAddress, destination: TransportAddress, fates: Sequence[Fate]) -> None:
        self._fates[source, destination] = list(fates)

    def send(self, data: bytes, source: TransportAddress, destination: TransportAddress) -> None:
        datagram = Datagram(source, destination, data)
        self.log.append(datagram)
        fates = self._fates.get((source, destination))
        loop = asyncio.get_running_loop()
        match fates.pop(0) if fates else Fate.DELIVER:
            case Fate.LOSE:
                pass
            case Fate.DELAY:
                loop.call_later(DELAY, self._deliver, datagram)
            case Fate.DUPLICATE:
                loop.call_soon(self._deliver, datagram)
                loop.call_soon(self._deliver, datagram)
            case Fate.DELIVER:
                loop.call_soon(self._deliver, datagram)
