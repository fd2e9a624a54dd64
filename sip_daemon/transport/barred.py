"""Sources from which nothing is taken: the first thing that is asked of a datagram or a new connection.

The rule: with an empty table a datagram costs the look at whether it is empty, and with a full one a look into a
dictionary. Who is barred, why and for how long is decided elsewhere (`sip_daemon.defence`).
"""

from __future__ import annotations

from sip_daemon.flow import source_of


class Barred:
    """The barred sources (`source_of`) with how often each was turned away."""

    __slots__ = ("sources",)

    def __init__(self) -> None:
        self.sources: dict[str, int] = {}
        """Empty in good times: callers look at that before they call `turns_away`."""

    def turns_away(self, host: str) -> bool:
        """Whether what came from `host` is to be dropped; counted if so."""
        source = source_of(host)
        turned_away = self.sources.get(source)
        if turned_away is None:
            return False
        self.sources[source] = turned_away + 1
        return True
