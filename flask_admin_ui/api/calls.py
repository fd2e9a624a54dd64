"""Live calls and the call records of those that ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, request

from appliance.operations import history
from appliance.operations.history import STATUSES, CallFilter, CallView
from flask_admin_ui.api.wire import answer, answer_page, page_request, part_of, query_text, refused, to_json
from flask_admin_ui.errors import ProblemError
from flask_admin_ui.pages.calls import csv_file, end_call, numbers_of_viewer
from flask_admin_ui.security.access import admin_only, context
from flask_admin_ui.services import services
from flask_admin_ui.views import visible_calls

blueprint = Blueprint("api_calls", __name__, url_prefix="/api")


@blueprint.get("/calls")
def live() -> Response:
    snapshot = services().daemon.snapshot()
    if not snapshot.reachable:
        raise ProblemError(503, snapshot.reason)
    return answer_page(part_of(visible_calls(snapshot, numbers_of_viewer()), page_request()))


@blueprint.get("/calls/<call_id>")
def show_live(call_id: str) -> Response:
    snapshot = services().daemon.snapshot(figures=True)
    found = next((call for call in visible_calls(snapshot, numbers_of_viewer()) if call.id == call_id), None)
    if found is None:
        raise ProblemError(404, "There is no such live call; look among the cdrs.")
    return answer(found)


@blueprint.delete("/calls/<call_id>")
@admin_only
def hang_up(call_id: str) -> Response:
    end_call(call_id)
    return Response(status=204)


@blueprint.get("/cdrs")
def records() -> Response:
    return answer_page(history.list_calls(context(), page_request(), read_filter()), record_json)


@blueprint.get("/cdrs.csv")
def records_as_csv() -> Response:
    return csv_file(history.calls_as_csv(context(), read_filter()))


@blueprint.get("/cdrs/<call_id>")
def record(call_id: str) -> Response:
    call = history.get_call(context(), call_id)
    return answer({**record_json(call), "legs": [to_json(leg) for leg in call.legs]})


def record_json(call: CallView) -> dict[str, Any]:
    shown: dict[str, Any] = to_json(call)
    del shown["legs"]
    shown["talkSeconds"] = round(call.talk_seconds, 3)
    return shown


def read_filter() -> CallFilter:
    return CallFilter(
        search=query_text("search"),
        number=query_text("number"),
        status=query_text("status", STATUSES),
        since=query_moment("since"),
        until=query_moment("until"),
    )


def query_moment(name: str) -> float | None:
    """RFC 3339; without an offset it is UTC."""
    text = request.args.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise refused(name, "Write the moment as 2026-11-24T08:00:00Z.") from error
