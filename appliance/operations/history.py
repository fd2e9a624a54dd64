"""The call history: what was, filtered and in pages, and as a CSV file of any length.

A person with the role `user` sees the calls of the extensions of which it is the owner.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from appliance.database.models import Call, CallLeg
from appliance.errors import NotFound
from appliance.operations.context import Context
from appliance.operations.extensions import own_numbers
from appliance.operations.paging import FIRST_PAGE, Page, PageRequest, paged

STATUSES = ("ringing", "talking", "answered", "missed", "busy", "declined", "cancelled", "failed", "stopped")
NO_SUCH_CALL = "There is no call {id}."
NEWEST_FIRST = (Call.started_at.desc(), Call.id.desc())
"""The order of the index, backwards: another one would sort the whole history for each page."""

CSV_COLUMNS = (
    "id",
    "started_at",
    "answered_at",
    "ended_at",
    "caller_number",
    "caller_name",
    "callee_number",
    "callee_name",
    "dialled",
    "status",
    "talk_seconds",
    "cause",
)
CSV_FIELDS = (
    Call.id,
    Call.started_at,
    Call.answered_at,
    Call.ended_at,
    Call.caller_number,
    Call.caller_name,
    Call.callee_number,
    Call.callee_name,
    Call.dialled,
    Call.status,
    Call.cause,
)
FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet runs a cell that begins with one of these; a display name comes from outside."""


@dataclass(frozen=True, slots=True)
class CallFilter:
    """What to look for; an empty field says nothing."""

    search: str = ""
    """Part of a number or name of either side."""
    number: str = ""
    """Exactly this number on either side."""
    status: str = ""
    since: float | None = None
    """Unix seconds: calls that began then or later."""
    until: float | None = None
    """Calls that began before."""


@dataclass(frozen=True, slots=True)
class LegView:
    """One side of a call with one phone."""

    side: str
    device: str
    extension: str = ""
    transport: str = ""
    remote: str = ""
    user_agent: str = ""
    state: str = ""
    codec: str = ""
    media_profile: str = ""
    signalling_secure: bool = False
    media_secure: bool = False
    packets_received: int = 0
    packets_sent: int = 0
    packets_lost: int = 0
    jitter_ms: float = 0.0
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallView:
    """One call. Times are Unix seconds; `legs` are there in `get_call` only."""

    id: str
    started_at: float
    ringing_at: float | None
    answered_at: float | None
    ended_at: float | None
    caller_number: str
    caller_name: str
    caller_device: str
    callee_number: str
    callee_name: str
    dialled: str
    status: str
    sip_status: int | None
    cause: str
    ended_by: str
    detail: Mapping[str, object]
    legs: tuple[LegView, ...] = ()

    @property
    def talk_seconds(self) -> float:
        """How long they talked; 0 for a call that nobody answered or that lasts."""
        if self.answered_at is None or self.ended_at is None:
            return 0.0
        return max(0.0, self.ended_at - self.answered_at)


NO_FILTER = CallFilter()


def list_calls(context: Context, page: PageRequest = FIRST_PAGE, filters: CallFilter = NO_FILTER) -> Page[CallView]:
    """Newest first."""
    return paged(selected(context, filters).order_by(*NEWEST_FIRST), page, view_of)


def get_call(context: Context, call_id: str) -> CallView:
    """One call with its legs. Raises `NotFound`, also for one of other people."""
    row: Call | None = visible(context).where(Call.id == call_id).first()
    if row is None:
        raise NotFound(NO_SUCH_CALL.format(id=call_id))
    legs = CallLeg.select().where(CallLeg.call == row).order_by(CallLeg.id)
    return view_of(row, tuple(leg_view(leg) for leg in legs))


def calls_as_csv(context: Context, filters: CallFilter = NO_FILTER) -> Iterator[str]:
    """The lines of a CSV file, newest call first: times in UTC (ISO 8601)."""
    yield csv_line(CSV_COLUMNS)
    query = selected(context, filters).order_by(*NEWEST_FIRST)
    for row in query.select(*CSV_FIELDS).tuples().iterator():
        yield csv_line(csv_cells(row))


def visible(context: Context) -> Any:
    query = Call.select()
    if context.is_admin:
        return query
    numbers = own_numbers(context)
    return query.where(Call.caller_number.in_(numbers) | Call.callee_number.in_(numbers))


def selected(context: Context, filters: CallFilter) -> Any:
    query = visible(context)
    if filters.number:
        query = query.where((Call.caller_number == filters.number) | (Call.callee_number == filters.number))
    if filters.status:
        query = query.where(Call.status == filters.status)
    if filters.since is not None:
        query = query.where(Call.started_at >= filters.since)
    if filters.until is not None:
        query = query.where(Call.started_at < filters.until)
    if filters.search.strip():
        text = filters.search.strip()
        fields = (Call.caller_number, Call.caller_name, Call.callee_number, Call.callee_name, Call.dialled)
        condition = fields[0].contains(text)
        for field in fields[1:]:
            condition |= field.contains(text)
        query = query.where(condition)
    return query


def csv_cells(row: tuple[Any, ...]) -> tuple[str, ...]:
    """Of a row of `CSV_FIELDS`: a model or view for each would cost three times the time."""
    id, started_at, answered_at, ended_at, *parties, status, cause = row
    talked = max(0.0, ended_at - answered_at) if answered_at is not None and ended_at is not None else 0.0
    return (id, iso(started_at), iso(answered_at), iso(ended_at), *parties, status, f"{talked:.0f}", cause)


def csv_line(cells: tuple[str, ...]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([harmless(cell) for cell in cells])
    return buffer.getvalue()


def harmless(cell: str) -> str:
    """The cell as text, also to a spreadsheet; a number with its plus stays a number."""
    is_formula = cell.startswith(FORMULA_SIGNS) and not cell.removeprefix("+").isdigit()
    return f"'{cell}" if is_formula else cell


def iso(moment: float | None) -> str:
    return "" if moment is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def view_of(row: Call, legs: tuple[LegView, ...] = ()) -> CallView:
    return CallView(
        id=row.id,
        started_at=row.started_at,
        ringing_at=row.ringing_at,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        caller_number=row.caller_number,
        caller_name=row.caller_name,
        caller_device=row.caller_device,
        callee_number=row.callee_number,
        callee_name=row.callee_name,
        dialled=row.dialled,
        status=row.status,
        sip_status=row.sip_status,
        cause=row.cause,
        ended_by=row.ended_by,
        detail=row.detail,
        legs=legs,
    )


def leg_view(row: CallLeg) -> LegView:
    return LegView(
        side=row.side,
        device=row.device,
        extension=row.extension,
        transport=row.transport,
        remote=row.remote,
        user_agent=row.user_agent,
        state=row.state,
        codec=row.codec,
        media_profile=row.media_profile,
        signalling_secure=row.signalling_secure,
        media_secure=row.media_secure,
        packets_received=row.packets_received,
        packets_sent=row.packets_sent,
        packets_lost=row.packets_lost,
        jitter_ms=row.jitter_ms,
        detail=row.detail,
    )
