"""Conditional polling: a live part of a page asks every second or two whether it has changed.

A fragment is rendered at most once a second for everybody who may see the same, and who has it already gets a 304
without a body. So 200 open pages cost about as much as one. One rule: a fragment shows moments, never a running
duration (the browser counts those), or else it would change with each second.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request

KEEP_SECONDS = 1.0
MAX_ENTRIES = 256


@dataclass(frozen=True, slots=True)
class Fragment:
    body: str
    etag: str
    made_at: float


class FragmentCache:
    """Rendered fragments of the last second. Safe for concurrent threads; `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[tuple[str, ...], Fragment] = {}
        self._floor = float("-inf")

    def get(self, key: tuple[str, ...], render: Callable[[], str]) -> Fragment:
        """The fragment of that key, rendered anew when it is older than a second."""
        now = self._clock()
        with self._lock:
            known = self._entries.get(key)
        if known is not None and now - known.made_at < KEEP_SECONDS and known.made_at >= self._floor:
            return known
        body = render()
        made = Fragment(body, hashlib.blake2b(body.encode(), digest_size=12).hexdigest(), now)
        with self._lock:
            if len(self._entries) >= MAX_ENTRIES:
                self._entries = {
                    key: entry for key, entry in self._entries.items() if now - entry.made_at < KEEP_SECONDS
                }
            self._entries[key] = made
        return made

    def expire_before(self, moment: float) -> None:
        """Something happened at that moment of our clock: what was rendered earlier is too old."""
        self._floor = max(self._floor, moment)

    def clear(self) -> None:
        """Forget everything: something was just changed, and whoever did it wants to see it."""
        with self._lock:
            self._entries.clear()


def is_partial_request() -> bool:
    """Whether htmx asks for the live part only and not for the page around it."""
    return request.headers.get("HX-Request-Type") == "partial"


def respond(cache: FragmentCache, scope: str, render: Callable[[], str], *, timezone: str) -> Response:
    """Answer a poll. `scope` names who may see the same: two viewers of one scope share what was rendered."""
    fragment = cache.get((request.full_path, scope, timezone), render)
    response = Response(fragment.body, mimetype="text/html")
    response.set_etag(fragment.etag)
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "HX-Request-Type, Cookie"
    response.make_conditional(request)
    return response
