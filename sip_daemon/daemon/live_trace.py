"""Whose messages somebody wants to see: puts what registrar and calls know beside what the trace has kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sip_daemon.call.manager import CallManager
from sip_daemon.control import TraceRequest
from sip_daemon.registrar import LocationTable
from sip_daemon.trace import DeviceHints, NoTrace, TraceReader, TraceRing, TraceView

NOTHING_KEPT = {"entries": [], "total": 0, "cursor": 0, "used_bytes": 0, "budget_bytes": 0}


class LiveTrace:
    """Answers `trace.read`."""

    def __init__(
        self, ring: TraceRing | NoTrace, locations: LocationTable, calls: CallManager, now: Callable[[], float]
    ) -> None:
        self._reader = TraceReader(ring) if isinstance(ring, TraceRing) else None
        self._locations = locations
        self._calls = calls
        self._now = now

    async def read(self, wanted: TraceRequest) -> dict[str, Any]:
        if self._reader is None:
            return NOTHING_KEPT
        return await self._reader.read(self._view(wanted), wanted.after, wanted.limit)

    def _view(self, wanted: TraceRequest) -> TraceView:
        if wanted.device is not None:
            return TraceView(device=self._hints(wanted.device))
        if wanted.call is not None or wanted.call_ids is not None:
            return TraceView(call_ids={*(wanted.call_ids or ()), *self._call_ids(wanted.call)})
        return TraceView(host=wanted.source, strangers=wanted.strangers)

    def _hints(self, username: str) -> DeviceHints:
        bindings = self._locations.bindings(username, self._now())
        return DeviceHints(username, [binding.contact for binding in bindings], [binding.flow for binding in bindings])

    def _call_ids(self, call_id: str | None) -> list[str]:
        """Those of the legs of a live call."""
        call = next((call for call in self._calls.calls if call.id == call_id), None)
        return [leg.sip_call_id for leg in call.story.legs] if call is not None else []
