"""Many open event streams (GET /api/events/stream) that are read in a thread beside the measuring client."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Self

from tests.benchmarks.comparison.programs import ProgramError

OPEN_SECONDS = 60.0


class Streams:
    """Open while it is entered; counts on how many of them each kind of event arrived."""

    def __init__(self, host: str, port: int, tokens: Sequence[str], number: int) -> None:
        self._host, self._port = host, port
        self._tokens = [tokens[index % len(tokens)] for index in range(number)]
        self._arrived: Counter[str] = Counter()
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._tasks: list[asyncio.Task[None]] = []
        self.ended = 0
        self.refusal = ""

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open_all(), self._loop).result()
        if self.wait_for("hello", OPEN_SECONDS) < len(self._tokens):
            self.__exit__()
            raise ProgramError(f"{self._arrived['hello']} of {len(self._tokens)} event streams opened {self.refusal}")
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close_all(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def wait_for(self, kind: str, seconds: float) -> int:
        """On how many streams such an event arrived: all, or as many as did in that time."""
        with self._changed:
            self._changed.wait_for(lambda: self._arrived[kind] >= len(self._tokens), seconds)
            return self._arrived[kind]

    async def _open_all(self) -> None:
        self._tasks = [asyncio.create_task(self._follow(token)) for token in self._tokens]

    async def _close_all(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _follow(self, token: str) -> None:
        # The certificate is the system's own; nothing is trusted that comes from there.
        reader, writer = await asyncio.open_connection(self._host, self._port, ssl=ssl._create_unverified_context())
        try:
            writer.write(
                f"GET /api/events/stream HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
                f"Authorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n".encode()
            )
            while line := await reader.readline():
                if line.startswith(b"HTTP/1.1") and b" 200 " not in line:
                    self.refusal = line.decode(errors="replace").strip()
                    break
                if line.startswith(b"event: "):
                    self._note(line[7:].decode().strip())
            self.ended += 1
        finally:
            writer.close()

    def _note(self, kind: str) -> None:
        with self._changed:
            self._arrived[kind] += 1
            self._changed.notify_all()
