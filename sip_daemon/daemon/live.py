"""What the control socket tells of the running daemon: implements `control.LiveSystem`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import appliance
from appliance import logs
from sip_daemon.call.manager import CallManager
from sip_daemon.call.view import describe_calls, describe_plan, describe_quality
from sip_daemon.control import TraceRequest
from sip_daemon.daemon.describing import describe_binding, describe_listener
from sip_daemon.daemon.encryption import Encryption
from sip_daemon.daemon.live_trace import LiveTrace
from sip_daemon.defence import Defence, Overload
from sip_daemon.directory import Directory
from sip_daemon.endpoint import Endpoint
from sip_daemon.media_plane import MediaPlane
from sip_daemon.registrar import Binding, LocationTable
from sip_daemon.store import Store
from sip_daemon.transport import ListenerStatus, TransportLayer


class Live:
    """Looks at the parts and changes nothing, except where it is asked to."""

    def __init__(
        self,
        *,
        started_at: float,
        transport: TransportLayer,
        endpoint: Endpoint,
        locations: LocationTable,
        calls: CallManager,
        media: MediaPlane,
        store: Store,
        directory: Callable[[], Directory],
        defence: Defence,
        overload: Overload,
        refresh: Callable[[], Awaitable[None]],
        encryption: Encryption,
        trace: LiveTrace,
    ) -> None:
        self._started_at = started_at
        self._transport = transport
        self._endpoint = endpoint
        self._locations = locations
        self._calls = calls
        self._media = media
        self._store = store
        self._directory = directory
        self._defence = defence
        self._overload = overload
        self._refresh = refresh
        self._encryption = encryption
        self._trace = trace
        self._listeners: list[ListenerStatus] = []
        self._listeners_revision = 0

    def status(self) -> dict[str, Any]:
        transactions = self._endpoint.transaction_counts()
        return {
            "version": appliance.__version__,
            "started_at": self._started_at,
            "listeners": [describe_listener(listener) for listener in self._transport.listeners],
            "counts": {
                "bindings": len(self._locations),
                "devices_online": self._locations.devices_online,
                "calls": len(self._calls.calls),
                "transactions": transactions.server + transactions.client,
                "dialogs": self._calls.dialog_count,
                "connections": self._transport.connection_count,
            },
            "media": [
                {
                    "worker": worker.worker,
                    "state": worker.state.value,
                    "sessions": worker.sessions,
                    "ports_free": worker.ports_free,
                }
                for worker in self._media.status()
            ],
            "defence": self._defence.counts,
            "overload": self._overload.state,
            "store": {"backlog": self._store.backlog, "last_error": self._store.last_error},
        }

    def revisions(self) -> dict[str, Any]:
        listeners = self._transport.listeners
        if listeners != self._listeners:
            self._listeners = listeners
            self._listeners_revision += 1
        return {
            "started_at": self._started_at,
            "bindings": self._locations.revision,
            "calls": self._calls.revision,
            "listeners": self._listeners_revision,
            "bans": self._defence.revision,
        }

    def bindings(self, usernames: Sequence[str] | None, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        now = self._endpoint.now()
        found: list[Binding]
        if usernames is None:
            found = [binding for binding in self._locations.all() if binding.expires_at > now]
        else:
            found = [binding for name in usernames for binding in self._locations.bindings(name, now)]
        directory = self._directory()
        return len(found), [describe_binding(one, directory, now) for one in found[offset : offset + limit]]

    async def calls(self, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        calls = self._calls.calls
        return len(calls), await describe_calls(calls[offset : offset + limit])

    async def quality(self, call_id: str) -> dict[str, Any] | None:
        call = next((call for call in self._calls.calls if call.id == call_id), None)
        return await describe_quality(call) if call is not None else None

    def hang_up(self, call_id: str) -> bool:
        return self._calls.hang_up(call_id)

    def explain(self, caller: str, dialled: str) -> dict[str, Any] | None:
        plan = self._calls.explain(caller, dialled)
        return describe_plan(plan) if plan is not None else None

    async def read_trace(self, wanted: TraceRequest) -> dict[str, Any]:
        return {"started_at": self._started_at, **await self._trace.read(wanted)}

    def bans(self, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        rows = self._defence.describe()
        return len(rows), rows[offset : offset + limit]

    def ban(self, source: str, seconds: float | None, note: str, *, force: bool) -> dict[str, Any]:
        ban = self._defence.ban(source, seconds=seconds, note=note, force=force)
        return next(row for row in self._defence.describe() if row["source"] == ban.source)

    def unban(self, source: str) -> str:
        return self._defence.unban(source).source

    async def reload_tls(self) -> dict[str, Any]:
        return await self._encryption.reload()

    def tls_status(self) -> dict[str, Any]:
        return self._encryption.status()

    async def refresh(self) -> int:
        await self._refresh()
        return self._directory().revision

    def set_log_level(self, level: str) -> None:
        logs.set_level(level)
