"""Live calls and the call records of those that ended."""

from __future__ import annotations

from typing import Any, Literal

from flask import Blueprint
from pydantic import Field

from appliance.operations import history
from appliance.operations.history import CallFilter
from flask_admin_ui.api.lists import PageQuery, QueryMoment, listed, part_of
from flask_admin_ui.api.operation import operation
from flask_admin_ui.errors import ProblemError
from flask_admin_ui.pages.calls import csv_file, end_call, numbers_of_viewer
from flask_admin_ui.security.access import context
from flask_admin_ui.services import services
from flask_admin_ui.shapes import Free, Listing, Moment, Output, Query
from flask_admin_ui.views import visible_calls

blueprint = Blueprint("api_calls", __name__, url_prefix="/api")


NO_SUCH_LIVE_CALL = "There is no such live call; look among the cdrs."


class Party(Output):
    """One end of a call as people know it."""

    number: str
    name: str
    device: str = ""


class LiveLeg(Output):
    """One side of a live call."""

    side: str
    device: str
    extension: str
    transport: str
    remote: str
    state: str
    codec: str
    media: Free = Field(description="Packets, loss and jitter; more in later versions.")


class LiveCall(Output):
    """A call that has not ended."""

    id: str
    state: str
    caller: Party
    callee: Party
    started_at: Moment | None
    answered_at: Moment | None
    legs: list[LiveLeg]


class LegQuality(Output):
    """How one phone of a live call is heard and hears."""

    side: str
    device: str
    quality: Free | None = Field(
        description="`seconds` for each sample, `age` since the first began, and columns of equal length, oldest "
        "first, at most 120: packets received, lost, discarded (too late), sent and reported, jitter, score (mos), "
        "round trip. Columns that begin with reported are what the phone tells of its hearing. Null before the first "
        "sample."
    )
    hearing: list[Free] = Field(description="When one-way audio was noticed, and when it was over.")


class CallQuality(Output):
    legs: list[LegQuality]


class CallRecord(Output):
    """What remains of a call."""

    id: str
    started_at: Moment
    ringing_at: Moment | None
    answered_at: Moment | None
    ended_at: Moment | None
    caller_number: str
    caller_name: str
    caller_device: str
    callee_number: str
    callee_name: str
    dialled: str
    status: str = Field(json_schema_extra={"examples": list(history.STATUSES)})
    sip_status: int | None
    cause: str
    ended_by: str
    detail: Free
    talk_seconds: float = Field(ge=0)


class Leg(Output):
    """One side of a call with one phone."""

    side: str
    device: str
    extension: str
    transport: str
    remote: str
    user_agent: str
    state: str
    codec: str
    media_profile: str
    signalling_secure: bool
    media_secure: bool
    packets_received: int
    packets_sent: int
    packets_lost: int
    jitter_ms: float
    detail: Free


class FullCallRecord(CallRecord):
    """With what was said of each phone that took part."""

    legs: list[Leg]


class RecordFilter(Query):
    """What to look for in the call records."""

    search: str = Field("", max_length=200, description="Part of a number or name of either side.")
    number: str = Field("", max_length=200, description="Exactly this number on either side.")
    status: (
        Literal["ringing", "talking", "answered", "missed", "busy", "declined", "cancelled", "failed", "stopped"] | None
    ) = None
    since: QueryMoment | None = Field(None, description="Calls that began then or later.")
    until: QueryMoment | None = Field(None, description="Calls that began before.")

    @property
    def filter(self) -> CallFilter:
        return CallFilter(self.search, self.number, self.status or "", self.since, self.until)


class RecordQuery(PageQuery, RecordFilter):
    pass


@blueprint.get("/calls")
@operation("List the live calls", query=PageQuery, gives=Listing[LiveCall])
def live(query: PageQuery) -> Any:
    snapshot = services().daemon.snapshot()
    if not snapshot.reachable:
        raise ProblemError(503, snapshot.reason)
    return part_of(visible_calls(snapshot, numbers_of_viewer()), query)


@blueprint.get("/calls/<call_id>")
@operation("Show a live call", gives=LiveCall)
def show_live(call_id: str) -> Any:
    """With its media figures of this moment."""
    snapshot = services().daemon.snapshot(figures=True)
    found = next((call for call in visible_calls(snapshot, numbers_of_viewer()) if call.id == call_id), None)
    if found is None:
        raise ProblemError(404, NO_SUCH_LIVE_CALL)
    return found


@blueprint.get("/calls/<call_id>/quality")
@operation("Show how a live call is heard", gives=CallQuality)
def quality(call_id: str) -> Any:
    """Sample by sample. Of a call that is over, its record has the same in the `detail` of each leg."""
    snapshot = services().daemon.snapshot()
    if all(call.id != call_id for call in visible_calls(snapshot, numbers_of_viewer())):
        raise ProblemError(404, NO_SUCH_LIVE_CALL)
    return {"legs": services().daemon.call_quality(call_id)}


@blueprint.delete("/calls/<call_id>")
@operation("Hang up", status=204, admin=True)
def hang_up(call_id: str) -> Any:
    end_call(call_id)


@blueprint.get("/cdrs")
@operation("List the call records", query=RecordQuery, gives=Listing[CallRecord])
def records(query: RecordQuery) -> Any:
    """Newest first."""
    return listed(history.list_calls(context(), query.wanted, query.filter))


@blueprint.get("/cdrs.csv")
@operation("Download the call records", query=RecordFilter, gives=str, media_type="text/csv")
def records_as_csv(query: RecordFilter) -> Any:
    """All that match, of any length, newest first; times in UTC (ISO 8601)."""
    return csv_file(history.calls_as_csv(context(), query.filter))


@blueprint.get("/cdrs/<call_id>")
@operation("Show a call record", gives=FullCallRecord)
def record(call_id: str) -> Any:
    return history.get_call(context(), call_id)
