"""Reading an event stream: a connection that keeps what is written, and a client on a unix socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.event_stream.access import Identity

ADMIN = Identity(1, "ada", True, frozenset(), session_id=1)


def user(*numbers: str, user_id: int = 2, session_id: int = 2) -> Identity:
    return Identity(user_id, "grace", False, frozenset(numbers), session_id=session_id)


async def until(condition: Callable[[], bool]) -> None:
    """Until something is so that tells nobody when it becomes so."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@dataclass(eq=False)
class KeptConnection:
    """A reader's connection in memory."""

    data: bytes = b""
    waiting: int = 0
    ended: str = ""

    def write(self, data: bytes) -> None:
        self.data += data

    def waiting_bytes(self) -> int:
        return self.waiting

    def finish(self) -> None:
        self.ended = "finished"

    def abort(self) -> None:
        self.ended = "aborted"

    @property
    def events(self) -> list[tuple[str, str, Any]]:
        """Identifier, kind and data of each."""
        return parse_events(dechunked(self.data))

    @property
    def kinds(self) -> list[str]:
        return [kind for _, kind, _ in self.events]


def dechunked(data: bytes) -> str:
    """RFC 9112 §7.1.3; what is not complete is left out."""
    whole = b""
    while b"\r\n" in data:
        head, _, rest = data.partition(b"\r\n")
        length = int(head, 16)
        if length == 0 or len(rest) < length + 2:
            break
        whole, data = whole + rest[:length], rest[length + 2 :]
    return whole.decode()


def parse_events(text: str) -> list[tuple[str, str, Any]]:
    """As WHATWG HTML §9.2.6 reads them, without what is no event."""
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "event" in fields:
            found.append((fields.get("id", ""), fields["event"], json.loads(fields["data"])))
    return found


@dataclass
class StreamClient:
    """One request on the program's socket."""

    path: Path
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    async def open(self, headers: dict[str, str], target: str = "/api/events/stream", method: str = "GET") -> None:
        self.reader, self.writer = await asyncio.open_unix_connection(str(self.path))
        lines = [f"{method} {target} HTTP/1.1", "Host: box.example", *(f"{k}: {v}" for k, v in headers.items())]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *rest = head.strip().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}

    async def problem(self) -> Any:
        return json.loads(await self.reader.read())

    async def wait_for(self, kinds: Sequence[str]) -> list[tuple[str, str, Any]]:
        """The events so far, as soon as these kinds have come."""
        async with asyncio.timeout(10):
            while True:
                events = parse_events(dechunked(self.body))
                if set(kinds) <= {kind for _, kind, _ in events}:
                    return events
                data = await self.reader.read(65536)
                if not data:
                    raise AssertionError(f"the stream ended after {events}")
                self.body += data

    async def wait_for_the_end(self) -> list[tuple[str, str, Any]]:
        async with asyncio.timeout(10):
            self.body += await self.reader.read()
        return parse_events(dechunked(self.body))

    def close(self) -> None:
        self.writer.close()
