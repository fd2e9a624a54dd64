"""The last SIP messages of a phone, a call, an address, of strangers or of all; for administrators."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from flask import Blueprint
from pydantic import Field

from appliance.operations.history import get_call
from appliance.operations.trace import MAX_ENTRIES, TraceOf, read_trace
from flask_admin_ui.api.calls import NO_SUCH_LIVE_CALL
from flask_admin_ui.api.lists import whole_number
from flask_admin_ui.api.operation import operation
from flask_admin_ui.errors import ProblemError
from flask_admin_ui.security.access import context
from flask_admin_ui.services import services
from flask_admin_ui.shapes import Moment, Output, Query
from flask_admin_ui.views import visible_calls

blueprint = Blueprint("api_trace", __name__, url_prefix="/api")

LAST_SERIAL: Final = 2**53 - 1
"""What every JSON reader takes as a whole number."""


ADDRESS_OR_NONE: Final[dict[str, Any]] = {"anyOf": [{"format": "ipv4"}, {"format": "ipv6"}, {"maxLength": 0}]}


class TraceEntry(Output):
    """A SIP message, or news of a connection."""

    serial: int = Field(description="Grows with each message that comes or goes, until sip is started again.")
    at: Moment
    direction: Literal["received", "sent", "note"] = Field(description="Seen from GoSIP.")
    kind: Literal["request", "response", "malformed", "note"]
    transport: str
    local: str
    remote: str
    connection: int = Field(description="Tells two connections of one address apart.")
    title: str = Field(description="The first line, or the news.")
    method: str = Field(description="Of a response that of its request.")
    status: int | None = Field(description="Null for all but responses.")
    cseq: str
    call_id: str
    from_: str = Field(alias="from", description="The user part.")
    to: str
    has_sdp: bool
    bytes: int = Field(ge=0)
    problem: str = Field(description="Why the parser refuses it; empty when it does not.")
    repeated: bool = Field(description="Whether the same bytes went the same way before.")
    text: str = Field(description="The message, without passwords, digests and keys.")


class Trace(Output):
    """Messages that are still in memory, the oldest first."""

    items: list[TraceEntry]
    total: int = Field(ge=0, description="How many there are after `after`; the last ones are given.")
    cursor: int = Field(ge=0, description="What to give as `after` for what comes later.")
    started_at: Moment = Field(description="When this changes, the serials have begun anew.")
    used_bytes: int = Field(ge=0)
    budget_bytes: int = Field(ge=0, description="0: nothing is kept (the setting `trace_memory`).")


class TraceQuery(Query):
    """Which part."""

    after: Annotated[int, *whole_number(0, LAST_SERIAL)] = 0
    limit: Annotated[int, *whole_number(1, MAX_ENTRIES)] = 100


class SystemTraceQuery(TraceQuery):
    source: str = Field(
        "", max_length=100, description="Only from and to this address.", json_schema_extra=ADDRESS_OR_NONE
    )
    strangers: bool = Field(False, description="Only addresses from which no phone has shown its password.")


def answer(of: TraceOf, query: TraceQuery) -> dict[str, Any]:
    found = read_trace(context(), of, after=query.after, limit=query.limit)
    return {**found, "items": found["entries"]}


@blueprint.get("/devices/<username>/trace")
@operation("Show the SIP messages of a phone", query=TraceQuery, gives=Trace, admin=True)
def device(username: str, query: TraceQuery) -> Any:
    """Redacted. That somebody looked is noted in the audit log."""
    return answer(TraceOf(device=username), query)


@blueprint.get("/calls/<call_id>/trace")
@operation("Show the SIP messages of a live call", query=TraceQuery, gives=Trace, admin=True)
def live_call(call_id: str, query: TraceQuery) -> Any:
    """Redacted. That somebody looked is noted in the audit log."""
    if all(call.id != call_id for call in visible_calls(services().daemon.snapshot(), None)):
        raise ProblemError(404, NO_SUCH_LIVE_CALL)
    return answer(TraceOf(call=call_id), query)


@blueprint.get("/cdrs/<call_id>/trace")
@operation("Show the SIP messages of a call record", query=TraceQuery, gives=Trace, admin=True)
def record(call_id: str, query: TraceQuery) -> Any:
    """As long as they are in memory, redacted. That somebody looked is noted in the audit log."""
    get_call(context(), call_id)
    return answer(TraceOf(call=call_id), query)


@blueprint.get("/system/trace")
@operation("Show the SIP messages of all, an address or strangers", query=SystemTraceQuery, gives=Trace, admin=True)
def system(query: SystemTraceQuery) -> Any:
    """Redacted. That somebody looked is noted in the audit log."""
    return answer(TraceOf(source=query.source, strangers=query.strangers), query)
