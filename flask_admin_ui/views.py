"""What the pages show of phones, calls and programs: rows made of what is stored and what is live."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from appliance.supervision.client import Process
from flask_admin_ui.live import LiveBan, LiveBinding, LiveCall, Party, Snapshot
from flask_admin_ui.processes import ProcessList
from flask_admin_ui.quality import call_sound
from flask_admin_ui.wording import Wording, ban_reason, ban_state, live_call, process_state, program

RESTARTABLE = ("sip", "media", "events")
"""A restart of the admin app or of nginx would end the request that asks for it, before supervisor starts it again."""


@dataclass(frozen=True, slots=True)
class LiveCallRow:
    """A live call in words."""

    id: str
    caller: Party
    callee: Party
    started_at: float | None
    answered_at: float | None
    wording: Wording
    may_hang_up: bool
    sound: Wording | None = None
    """How it is heard; None where nothing is known."""


def live_call_rows(calls: Sequence[LiveCall], *, may_hang_up: bool) -> list[LiveCallRow]:
    """Oldest first, so that rows keep their place while calls come and go."""
    return [
        LiveCallRow(
            call.id,
            call.caller,
            call.callee,
            call.started_at,
            call.answered_at,
            live_call(call),
            may_hang_up,
            call_sound(call),
        )
        for call in sorted(calls, key=lambda call: call.started_at or 0.0)
    ]


@dataclass(frozen=True, slots=True)
class BanRow:
    """An address that is kept out, in words."""

    ban: LiveBan
    wording: Wording
    reason: str


def ban_rows(bans: Sequence[LiveBan]) -> list[BanRow]:
    return [BanRow(ban, ban_state(ban.state), ban_reason(ban.reason)) for ban in bans]


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """A program in words."""

    name: str
    title: str
    purpose: str
    restart_warning: str
    pid: int
    started_at: int | None
    wording: Wording
    may_restart: bool


@dataclass(frozen=True, slots=True)
class ProcessTable:
    """What the pages say of all programs."""

    rows: tuple[ProcessRow, ...]
    running: int
    all_running: bool
    reachable: bool
    reason: str


def process_table(known: ProcessList) -> ProcessTable:
    return ProcessTable(
        tuple(process_row(process) for process in known.rows),
        known.running,
        known.all_running,
        known.reachable,
        known.reason,
    )


def process_row(process: Process) -> ProcessRow:
    title, purpose, warning = program(process.name)
    return ProcessRow(
        name=process.name,
        title=title,
        purpose=purpose,
        restart_warning=warning,
        pid=process.pid,
        started_at=process.started_at if process.is_running and process.started_at else None,
        wording=process_state(process.state),
        may_restart=process.name.partition(":")[0] in RESTARTABLE,
    )


def visible_calls(live: Snapshot, numbers: frozenset[str] | None) -> tuple[LiveCall, ...]:
    """The live calls that somebody may see: all of them, or those in which own numbers take part."""
    if numbers is None:
        return live.calls
    return tuple(call for call in live.calls if call.involves(numbers))


def best_binding(bindings: Sequence[LiveBinding]) -> LiveBinding | None:
    """The contact to show in a list: a reachable one, and of these the newest."""
    return max(bindings, key=lambda binding: (binding.reachable, binding.registered_at or 0.0), default=None)
