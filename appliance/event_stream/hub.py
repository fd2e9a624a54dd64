"""The readers of the stream, and the last events for those who come back.

No task and no queue for a reader: an event's bytes are handed to each connection that may see it, and a reader that
does not read is dropped when too much waits for it. Coming back it gets what it missed, or is told to ask anew.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from appliance.event_stream.access import Identity
from appliance.event_stream.event import END, HEARTBEAT, RETRY, Event, Numbered, chunk_of
from appliance.wire import rfc3339

log = logging.getLogger(__name__)

KEPT: Final = 1000
"""Events for those who come back: minutes of a busy system."""
MAX_WAITING_BYTES: Final = 256 * 1024
"""Not read by a reader: some hundreds of events, or minutes of a browser that sleeps."""
MAX_STREAMS: Final = 1000
MAX_OF_ONE: Final = 50
"""Of one user: tabs share a stream, so these are many browsers."""

FULL: Final = "There are as many open streams as this system serves. Try again in a minute."
FULL_FOR_USER: Final = "This user has as many open streams as are allowed. Close some of them."
SLOW: Final = "too much waited to be read"


class TooManyStreams(Exception):
    """No further stream is opened; the text says why."""


class Connection(Protocol):
    """Where a reader's bytes go."""

    def write(self, data: bytes) -> None: ...

    def waiting_bytes(self) -> int: ...

    def finish(self) -> None:
        """Close when all is written."""

    def abort(self) -> None:
        """Close at once."""


@dataclass(slots=True, eq=False)
class Reader:
    """One open stream."""

    connection: Connection
    identity: Identity
    kinds: frozenset[str] = field(default_factory=frozenset)
    """What it wants; empty for everything."""

    def may_see(self, event: Event) -> bool:
        if self.kinds and event.kind not in self.kinds and not event.for_everybody:
            return False
        return event.for_everybody or self.identity.is_admin or not event.numbers.isdisjoint(self.identity.numbers)


class Hub:
    """All readers of one process."""

    def __init__(
        self,
        *,
        max_streams: int = MAX_STREAMS,
        max_of_one: int = MAX_OF_ONE,
        kept: int = KEPT,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._wall = wall
        self.name = secrets.token_hex(4)
        """Begins every event's identifier: that of another process names nothing here."""
        self.listeners: list[Callable[[Event], None]] = []
        """Told of each event besides the readers."""
        self._max_streams, self._max_of_one = max_streams, max_of_one
        self._last = 0
        self._events: deque[Numbered] = deque(maxlen=kept)
        self._readers: dict[Reader, None] = {}
        self.dropped = 0

    @property
    def readers(self) -> tuple[Reader, ...]:
        return tuple(self._readers)

    def __len__(self) -> int:
        return len(self._readers)

    def publish(self, event: Event) -> None:
        """Hand an event to everybody who may see it."""
        self._last += 1
        event = event if "at" in event.data else replace(event, data={"at": rfc3339(self._wall()), **event.data})
        numbered = Numbered.of(self.name, self._last, event)
        self._events.append(numbered)
        for reader in self.readers:
            if reader.may_see(event):
                self._write(reader, numbered.chunk)
        for listener in self.listeners:
            listener(event)

    def check_room(self, identity: Identity) -> None:
        """Raises `TooManyStreams`."""
        if len(self._readers) >= self._max_streams:
            raise TooManyStreams(FULL)
        if Counter(reader.identity.user_id for reader in self._readers)[identity.user_id] >= self._max_of_one:
            raise TooManyStreams(FULL_FOR_USER)

    def join(self, reader: Reader, last_seen: str = "") -> None:
        """From now on it gets what happens; first what it missed since the event of that identifier."""
        self._readers[reader] = None
        position = f"{self.name}-{self._last}"
        missed = self._since(last_seen)
        start = RETRY
        if missed is None:
            # Too long ago, or before a restart: whoever shows something asks for all of it anew.
            start += chunk_of("reset", {"at": rfc3339(self._wall())}, position)
        elif not last_seen:
            start += chunk_of("hello", {"at": rfc3339(self._wall())}, position)
        for numbered in missed or ():
            if reader.may_see(numbered.event):
                start += numbered.chunk
        reader.connection.write(start)

    def leave(self, reader: Reader) -> None:
        """Its connection is gone."""
        self._readers.pop(reader, None)

    def end(self, reader: Reader, reason: str) -> None:
        """Close a stream; the reader is told why."""
        self.leave(reader)
        reader.connection.write(chunk_of("bye", {"reason": reason}) + END)
        reader.connection.finish()

    def beat(self) -> None:
        """To be called now and then: proves to all that the stream lives."""
        for reader in self.readers:
            self._write(reader, HEARTBEAT)

    def close(self, reason: str) -> None:
        for reader in self.readers:
            self.end(reader, reason)

    def _since(self, last_seen: str) -> list[Numbered] | None:
        """The events after that one; None when they are not all there any more."""
        if not last_seen:
            return []
        name, _, number = last_seen.rpartition("-")
        if name != self.name or not number.isdigit() or len(number) > 15:
            return None
        last = int(number)
        oldest = self._events[0].number if self._events else self._last + 1
        if not oldest - 1 <= last <= self._last:
            return None
        return [numbered for numbered in self._events if numbered.number > last]

    def _write(self, reader: Reader, chunk: bytes) -> None:
        if reader.connection.waiting_bytes() > MAX_WAITING_BYTES:
            self.dropped += 1
            self.leave(reader)
            log.warning("a stream of %s is closed: %s", reader.identity.name, SLOW)
            reader.connection.abort()
        else:
            reader.connection.write(chunk)
