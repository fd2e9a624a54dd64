"""The admin's view of the `sip` program: one snapshot for all open pages.

"Not reachable" is a state of the snapshot, never an exception on a page. One rule: whatever the number of viewers,
a process asks `sip` at most once a second, and fetches a list only when its revision has grown.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from appliance.control.client import ControlClient, ControlSession
from appliance.control.errors import ControlError, NoAnswerInTime, NotReachable
from flask_admin_ui.live import Snapshot, by_username, read_ban, read_binding, read_call, rows

REFRESH_SECONDS = 1.0
TIMEOUT_SECONDS = 3.0
"""`sip` gives its media workers two seconds to tell their figures. A person waits no longer than this for a program
that hangs; afterwards the page says that it does not answer."""
STATUS_EVERY_SECONDS = 5.0
FIGURES_SECONDS = 5.0
"""So long after somebody looked at a live call, its packet counters are asked for with each refresh."""
ROWS_PER_REQUEST = 1000


class Caller(Protocol):
    """One connection to a program of ours."""

    def call(self, method: str, params: Mapping[str, Any] | None = None) -> Any: ...


class Daemon:
    """Safe for concurrent threads. `clock` counts seconds."""

    def __init__(self, socket_path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = ControlClient(socket_path, timeout=TIMEOUT_SECONDS)
        self._clock = clock
        self._refreshing = threading.Lock()
        self._snapshot: Snapshot | None = None
        self._fresh_until = 0.0
        self._made_at = self._floor = float("-inf")
        self._status_until = 0.0
        self._figures_until = 0.0
        self._revision: Mapping[str, Any] = {}

    def snapshot(self, *, figures: bool = False) -> Snapshot:
        """The state of at most a second ago. While one thread asks, the others show what was known before.

        The media figures of calls are those of the last change, unless somebody looks at them (`figures`).
        """
        if figures:
            self._figures_until = self._clock() + FIGURES_SECONDS
        known = self._snapshot
        if known is not None and self._clock() < self._fresh_until:
            return known
        if not self._refreshing.acquire(blocking=known is None or self._made_at < self._floor):
            assert known is not None  # only then the lock is not waited for
            return known
        try:
            if self._snapshot is None or self._clock() >= self._fresh_until:
                self._made_at = self._clock()
                self._snapshot = self._read(self._snapshot)
                # What came in meanwhile may make even this one too old.
                self._fresh_until = self._clock() + REFRESH_SECONDS if self._made_at >= self._floor else 0.0
            return self._snapshot
        finally:
            self._refreshing.release()

    def call_quality(self, call_id: str) -> Sequence[Mapping[str, Any]]:
        """How a live call went so far, leg by leg; nothing when it is over or `sip` does not tell."""
        try:
            answer = self._client.call("call.quality", {"id": call_id})
        except ControlError:
            return ()
        return rows(answer.get("legs")) if isinstance(answer, Mapping) else ()

    def expire(self) -> None:
        """Something was just changed, and whoever did it wants to see it."""
        self._fresh_until = 0.0

    def expire_before(self, moment: float) -> None:
        """Something happened at that moment of our clock: a snapshot of an earlier one is too old."""
        if moment > self._made_at:
            self._floor = max(self._floor, moment)
            self._fresh_until = 0.0

    def _read(self, known: Snapshot | None) -> Snapshot:
        try:
            with self._client.connect() as session:
                return self._update(session, known)
        except ControlError as error:
            self._revision = {}
            return Snapshot(reachable=False, reason=reason_of(error))

    def _update(self, session: ControlSession, known: Snapshot | None) -> Snapshot:
        revision = session.call("live.revision")
        revision = revision if isinstance(revision, Mapping) else {}
        snapshot = known if known is not None and known.reachable else Snapshot(reachable=True)
        if self._is_new(revision, "bindings"):
            bindings = [read_binding(row) for row in all_rows(session, "binding.list", "bindings")]
            snapshot = replace(snapshot, bindings=by_username(bindings))
        if self._is_new(revision, "calls") or (snapshot.calls and self._clock() < self._figures_until):
            calls = tuple(read_call(row) for row in all_rows(session, "call.list", "calls"))
            snapshot = replace(snapshot, calls=calls)
        is_status_due = self._clock() >= self._status_until
        if "bans" in revision and (self._is_new(revision, "bans") or (snapshot.bans and is_status_due)):
            # How often each was turned away grows without a new revision.
            snapshot = replace(snapshot, bans=tuple(read_ban(row) for row in all_rows(session, "ban.list", "bans")))
        if self._is_new(revision, "listeners") or is_status_due:
            status = session.call("status")
            snapshot = replace(snapshot, status=status if isinstance(status, Mapping) else {})
            self._status_until = self._clock() + STATUS_EVERY_SECONDS
        self._revision = revision
        return snapshot

    def _is_new(self, revision: Mapping[str, Any], what: str) -> bool:
        """Whether a list has changed since it was read. After a restart of `sip` the numbers begin anew."""
        same = all(revision.get(name) == self._revision.get(name) for name in ("started_at", what))
        return not same or what not in revision


def reason_of(error: ControlError) -> str:
    """For everybody who may look: without the path of a socket, which is nobody's business but the owner's."""
    match error:
        case NoAnswerInTime():
            return "The program sip does not answer in time."
        case NotReachable():
            return "The program sip is not running."
    return str(error)


def all_rows(session: Caller, method: str, name: str) -> list[Mapping[str, Any]]:
    """Every row of a list, fetched in portions so that no answer grows without bound."""
    found: list[Mapping[str, Any]] = []
    while True:
        answer = session.call(method, {"offset": len(found), "limit": ROWS_PER_REQUEST})
        portion = rows(answer.get(name)) if isinstance(answer, Mapping) else []
        found.extend(portion)
        if not portion or len(found) >= int(answer.get("total", 0)):
            return found
