"""The control socket of the daemon, `sip.sock`: what can be asked and ordered, and how wrong questions are answered.

The rule: this file knows the form of questions and answers; what is true is told by `LiveSystem`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from appliance.control.aio import ControlServer, Handler
from appliance.control.errors import CONFLICT, INVALID_PARAMS, NOT_FOUND, CallRefused
from sip_daemon.errors import SipError

PROGRAM: Final = "sip"
LEVELS: Final = ("debug", "info", "warning", "error")
MAX_BINDINGS: Final = 1000
"""In one answer; 20,000 bindings are asked for in portions, so that calls go on between them."""

MAX_CALLS: Final = 250
"""In one answer, which takes some 10 ms to write with the figures of both phones."""

NO_SUCH_CALL: Final = "There is no such call, or it is over."


MAX_TRACE_ENTRIES: Final = 500
"""In one answer: half a second of work, in portions, if all of them are calls' long messages."""


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """Whose messages are wanted: of a device, of a call (by its id, by the Call-IDs of its legs, or both), of an
    address, of strangers; with none of these, all."""

    device: str | None
    call: str | None
    call_ids: Sequence[str] | None
    source: str | None
    strangers: bool
    after: int
    limit: int


MAX_BANS: Final = 1000
MAX_BAN_SECONDS: Final = 10 * 366 * 86_400
MAX_NOTE: Final = 200


class LiveSystem(Protocol):
    """What the running daemon can tell and do. Rows and values are JSON."""

    def status(self) -> dict[str, Any]: ...

    def revisions(self) -> dict[str, Any]: ...

    def bindings(self, usernames: Sequence[str] | None, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        """How many there are of these devices (None: of all), and the asked portion of them."""

    async def calls(self, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        """How many live calls there are, and the asked portion of them, the oldest first."""

    async def quality(self, call_id: str) -> dict[str, Any] | None:
        """How a live call went so far, leg by leg; None when there is none of that id."""

    def hang_up(self, call_id: str) -> bool: ...

    def explain(self, caller: str, dialled: str) -> dict[str, Any] | None:
        """What would happen; None when there is no such caller."""

    async def read_trace(self, wanted: TraceRequest) -> dict[str, Any]:
        """The last SIP messages, redacted."""

    def bans(self, offset: int, limit: int) -> tuple[int, list[dict[str, Any]]]:
        """How many sources are kept out or slowed down, and the asked portion of them."""

    def ban(self, source: str, seconds: float | None, note: str, *, force: bool) -> dict[str, Any]:
        """Raises `SipError` with the reason when it is refused."""

    def unban(self, source: str) -> str:
        """The source as it is written in the list. Raises `SipError` when it is not there."""

    async def reload_tls(self) -> dict[str, Any]:
        """Serve the certificates that are installed now. Raises `SipError` with the reason; then nothing changed."""

    def tls_status(self) -> dict[str, Any]:
        """What new handshakes get, and which failed."""

    async def refresh(self) -> int:
        """Look for changed configuration now; the revision that is current then."""

    def set_log_level(self, level: str) -> None: ...


def make_server(path: Path, system: LiveSystem, topics: frozenset[str] = frozenset()) -> ControlServer:
    """The server, not started yet. `topics` are what it publishes."""
    return ControlServer(path, PROGRAM, methods(system), topics)


def methods(system: LiveSystem) -> Mapping[str, Handler]:
    """By name; docs/developer/interfaces.md lists them."""

    def list_bindings(params: dict[str, Any]) -> dict[str, Any]:
        usernames = texts(params, "usernames")
        offset, limit = number(params, "offset", 0), number(params, "limit", MAX_BINDINGS)
        total, rows = system.bindings(usernames, offset, min(limit, MAX_BINDINGS))
        return {"total": total, "revision": system.revisions()["bindings"], "bindings": rows}

    async def list_calls(params: dict[str, Any]) -> dict[str, Any]:
        # Taken first: a change while the media are asked makes the reader ask again.
        revision = system.revisions()["calls"]
        offset, limit = number(params, "offset", 0), number(params, "limit", MAX_CALLS)
        total, rows = await system.calls(offset, min(limit, MAX_CALLS))
        return {"total": total, "revision": revision, "calls": rows}

    async def call_quality(params: dict[str, Any]) -> dict[str, Any]:
        described = await system.quality(text(params, "id"))
        if described is None:
            raise CallRefused(NOT_FOUND, NO_SUCH_CALL)
        return described

    def hang_up(params: dict[str, Any]) -> dict[str, Any]:
        if not system.hang_up(text(params, "id")):
            raise CallRefused(NOT_FOUND, NO_SUCH_CALL)
        return {}

    def explain_route(params: dict[str, Any]) -> dict[str, Any]:
        plan = system.explain(text(params, "caller"), text(params, "dialled"))
        if plan is None:
            raise CallRefused(NOT_FOUND, "No device or extension is called like the caller.")
        return plan

    async def read_trace(params: dict[str, Any]) -> dict[str, Any]:
        return await system.read_trace(trace_request(params))

    async def nudge(params: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
        return {"revision": await system.refresh()}

    def list_bans(params: dict[str, Any]) -> dict[str, Any]:
        total, rows = system.bans(number(params, "offset", 0), min(number(params, "limit", MAX_BANS), MAX_BANS))
        return {"total": total, "revision": system.revisions()["bans"], "bans": rows}

    def add_ban(params: dict[str, Any]) -> dict[str, Any]:
        seconds = number(params, "seconds", 0)
        if seconds > MAX_BAN_SECONDS:
            raise CallRefused(INVALID_PARAMS, "`seconds` is at most ten years.")
        note = text(params, "note")[:MAX_NOTE] if "note" in params else ""
        try:
            return system.ban(text(params, "source"), seconds or None, note, force=params.get("force") is True)
        except SipError as error:
            raise CallRefused(CONFLICT, str(error)) from error

    def remove_ban(params: dict[str, Any]) -> dict[str, Any]:
        try:
            return {"source": system.unban(text(params, "source"))}
        except SipError as error:
            raise CallRefused(NOT_FOUND, str(error)) from error

    async def reload_tls(params: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
        try:
            return await system.reload_tls()
        except SipError as error:
            raise CallRefused(CONFLICT, str(error)) from error

    def set_level(params: dict[str, Any]) -> dict[str, Any]:
        level = text(params, "level")
        if level not in LEVELS:
            raise CallRefused(INVALID_PARAMS, f"`level` is one of {', '.join(LEVELS)}.")
        system.set_log_level(level)
        return {}

    return {
        "status": without_params(system.status),
        "live.revision": without_params(system.revisions),
        "binding.list": list_bindings,
        "call.list": list_calls,
        "call.hangup": hang_up,
        "call.quality": call_quality,
        "route.explain": explain_route,
        "ban.list": list_bans,
        "ban.add": add_ban,
        "ban.remove": remove_ban,
        "nudge": nudge,
        "tls.reload": reload_tls,
        "tls.status": without_params(system.tls_status),
        "trace.level": set_level,
        "trace.read": read_trace,
    }


def trace_request(params: Mapping[str, Any]) -> TraceRequest:
    """Raises `CallRefused`."""
    wanted = TraceRequest(
        device=optional_text(params, "device"),
        call=optional_text(params, "call"),
        call_ids=texts(params, "call_ids"),
        source=optional_text(params, "source"),
        strangers=params.get("strangers") is True,
        after=number(params, "after", 0),
        limit=min(number(params, "limit", MAX_TRACE_ENTRIES), MAX_TRACE_ENTRIES),
    )
    asked = (
        wanted.device is not None,
        wanted.call is not None or wanted.call_ids is not None,
        wanted.source is not None,
    )
    if sum((*asked, wanted.strangers)) > 1:
        raise CallRefused(INVALID_PARAMS, "Only one of `device`, `call`, `source` and `strangers` can be asked for.")
    return wanted


def without_params(answer: Callable[[], dict[str, Any]]) -> Handler:
    return lambda params: answer()  # noqa: ARG005


def text(params: Mapping[str, Any], name: str) -> str:
    """A text that has to be there. Raises `CallRefused`."""
    value = params.get(name)
    if not isinstance(value, str):
        raise CallRefused(INVALID_PARAMS, f"`{name}` is a text.")
    return value


def optional_text(params: Mapping[str, Any], name: str) -> str | None:
    """A text, or None when nothing is said."""
    return None if params.get(name) is None else text(params, name)


def texts(params: Mapping[str, Any], name: str) -> list[str] | None:
    """A list of texts, or None when nothing is said."""
    value = params.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise CallRefused(INVALID_PARAMS, f"`{name}` is a list of texts.")
    return value


def number(params: Mapping[str, Any], name: str, default: int) -> int:
    """A number that is not negative. Raises `CallRefused`."""
    value = params.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise CallRefused(INVALID_PARAMS, f"`{name}` is a number that is not negative.")
    return value
