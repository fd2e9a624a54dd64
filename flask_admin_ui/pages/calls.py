"""Calls: those that last, with hang-up; the history with filters, as pages and as a CSV file; one call in detail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import get_timezone, gettext
from werkzeug.wrappers import Response as BaseResponse

from appliance.control.errors import ControlError
from appliance.errors import NotFound
from appliance.operations import history
from appliance.operations import live as live_operations
from appliance.operations.call_quality import Direction, number, share
from appliance.operations.extensions import own_numbers
from appliance.operations.history import CallFilter, CallView, LegView
from appliance.operations.paging import PageRequest
from flask_admin_ui.daemon import reason_of
from flask_admin_ui.errors import ProblemError
from flask_admin_ui.fragments import is_partial_request
from flask_admin_ui.live import LiveCall, LiveLeg
from flask_admin_ui.pages.common import live_fragment
from flask_admin_ui.paging import Listing, read_page
from flask_admin_ui.quality import LegSound, leg_sound
from flask_admin_ui.security.access import admin_only, context, viewer
from flask_admin_ui.services import services
from flask_admin_ui.story import story_of
from flask_admin_ui.views import live_call_rows, visible_calls
from flask_admin_ui.wording import OUTCOMES, Wording, call_outcome, ended_by

blueprint = Blueprint("calls", __name__)
CSV_ROWS_AT_ONCE = 500


# ---------------------------------------------------------------- live


@blueprint.get("/calls/live")
def live() -> Response:
    snapshot = services().daemon.snapshot(figures=True)
    calls = live_call_rows(visible_calls(snapshot, numbers_of_viewer()), may_hang_up=viewer().is_admin)
    values = {"live": snapshot, "calls": calls}
    if is_partial_request():
        return live_fragment(lambda: render_template("calls/live_results.html", **values))
    return make_response(render_template("calls/live.html", **values))


def numbers_of_viewer() -> frozenset[str] | None:
    """The numbers whose calls the viewer may see; None for all."""
    return None if viewer().is_admin else frozenset(own_numbers(context()))


@blueprint.post("/call/<call_id>/hang-up")
@admin_only
def hang_up(call_id: str) -> BaseResponse:
    end_call(call_id)
    if request.headers.get("HX-Request"):
        return Response(status=204)
    flash(gettext("The call was ended."), "success")
    return redirect(url_for("calls.live"))


def end_call(call_id: str) -> None:
    """Raises the 404 or 503 with the reason."""
    try:
        live_operations.hang_up(context(), call_id)
    except NotFound as error:
        raise ProblemError(404, gettext("This call is over already.")) from error
    except ControlError as error:
        raise ProblemError(503, reason_of(error)) from error
    services().daemon.expire()
    services().fragments.clear()


# ---------------------------------------------------------------- history


@dataclass(frozen=True, slots=True)
class CallRow:
    """A call of the history in words."""

    call: CallView
    wording: Wording

    @property
    def talk_seconds(self) -> float | None:
        return self.call.talk_seconds if self.call.answered_at and self.call.ended_at else None

    @property
    def is_over(self) -> bool:
        return self.call.status not in ("ringing", "talking")

    @property
    def ended_by_words(self) -> str:
        return ended_by(self.call.ended_by)


def call_row(call: CallView) -> CallRow:
    return CallRow(call, call_outcome(call.status))


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """What the filter form asks for: the texts as typed, and what they mean."""

    typed: dict[str, str]
    meaning: CallFilter
    problems: dict[str, str]


def read_query() -> HistoryQuery:
    """From the query string; days are days in the viewer's time zone."""
    names = ("search", "number", "status", "from", "to")
    typed = {name: text for name in names if (text := request.args.get(name, "").strip()[:100])}
    problems: dict[str, str] = {}
    first, last = (read_day(name, typed, problems) for name in ("from", "to"))
    status = typed.get("status", "")
    if status and status not in OUTCOMES:
        del typed["status"]
        status = ""
    meaning = CallFilter(
        search=typed.get("search", ""),
        number=typed.get("number", ""),
        status=status,
        since=start_of(first) if first else None,
        until=start_of(last + timedelta(days=1)) if last else None,
    )
    return HistoryQuery(typed, meaning, problems)


def read_day(name: str, typed: dict[str, str], problems: dict[str, str]) -> date | None:
    if name not in typed:
        return None
    try:
        day = date.fromisoformat(typed[name])
    except ValueError:
        day = date.min
    if not date(2000, 1, 1) <= day <= date(2200, 1, 1):
        problems[name] = gettext("Write the day as year-month-day, such as 2026-11-24.")
        return None
    return day


def start_of(day: date) -> float:
    """Unix seconds of the day's first moment where the viewer lives."""
    midnight = datetime.combine(day, time())
    zone: Any = get_timezone()
    # pytz's zones know their offset only when asked this way.
    moment = zone.localize(midnight) if hasattr(zone, "localize") else midnight.replace(tzinfo=zone)
    return float(moment.timestamp())


@blueprint.get("/calls", endpoint="history")
def history_page() -> Response:
    query = read_query()
    page = history.list_calls(context(), read_page(request.args), query.meaning)
    listing = Listing.of(page, [call_row(call) for call in page.rows], url_for("calls.history"), query.typed)
    values = {"page": listing, "filters": query.typed, "problems": query.problems, "outcomes": outcome_choices()}
    template = "calls/history_results.html" if is_partial_request() else "calls/history.html"
    return make_response(render_template(template, **values))


def outcome_choices() -> list[tuple[str, str]]:
    return [(status, call_outcome(status).words) for status in OUTCOMES]


@blueprint.get("/calls.csv")
def download() -> Response:
    """The filtered history as a file of any length."""
    return csv_file(history.calls_as_csv(context(), read_query().meaning))


def csv_file(lines: Iterator[str]) -> Response:
    """Sent in portions of some hundred rows: one for each row would be a system call for each row."""
    portions = iter(lambda: "".join(islice(lines, CSV_ROWS_AT_ONCE)), "")
    response = Response(portions, mimetype="text/csv")
    response.headers["Content-Disposition"] = 'attachment; filename="gosip-calls.csv"'
    return response


def latest_calls(number: str, count: int = 6) -> list[CallRow]:
    """The newest calls of one number that the viewer may see."""
    page = history.list_calls(context(), PageRequest(1, count), CallFilter(number=number))
    return [call_row(call) for call in page.rows]


# ---------------------------------------------------------------- one call


@blueprint.get("/call/<call_id>")
def show(call_id: str) -> Response:
    if is_partial_request():
        return live_fragment(lambda: render_template("calls/detail.html", **call_values(call_id)))
    return make_response(render_template("calls/show.html", **call_values(call_id)))


@dataclass(frozen=True, slots=True)
class ShownLeg:
    """One phone of a call, with what was heard of it and what it heard."""

    leg: LegView
    sound: LegSound


def call_values(call_id: str) -> dict[str, object]:
    snapshot = services().daemon.snapshot(figures=True)
    now = next((call for call in visible_calls(snapshot, numbers_of_viewer()) if call.id == call_id), None)
    try:
        row = call_row(history.get_call(context(), call_id))
    except NotFound:
        # A call of this very moment may not be on disk yet.
        if now is None:
            raise
        row = call_row(as_view(now))
    if now is None:
        legs = [kept_leg(row.call, leg) for leg in row.call.legs]
        return {
            "row": row,
            "call": row.call,
            "legs": legs,
            "live_call": None,
            "story": story_of(row.call, row.call.legs),
        }
    stored = {(leg.side, leg.device): leg for leg in row.call.legs}
    told = {(leg.get("side"), leg.get("device")): leg for leg in services().daemon.call_quality(call_id)}
    legs = [
        live_leg(now, leg, stored.get((leg.side, leg.device)), told.get((leg.side, leg.device), {})) for leg in now.legs
    ]
    live_row = live_call_rows([now], may_hang_up=viewer().is_admin)[0]
    story = story_of(row.call, [shown.leg for shown in legs])
    return {"row": row, "call": row.call, "legs": legs, "live_call": live_row, "story": story}


def kept_leg(call: CallView, leg: LegView) -> ShownLeg:
    """Of a call that is over: means and sums."""
    begin = call.answered_at if call.answered_at is not None else call.started_at
    known = leg.packets_received > 0
    sound = leg_sound(
        leg.extension or leg.device,
        {**leg.detail, "packets_sent": leg.packets_sent},
        sent=Direction(
            number(leg.detail.get("mos")),
            share(
                leg.packets_lost + (number(leg.detail.get("packets_discarded")) or 0),
                leg.packets_received + leg.packets_lost,
            ),
            leg.jitter_ms if known else None,
        ),
        series=leg.detail.get("quality"),
        ended_after=(call.ended_at or begin) - begin,
        answered_after=begin - call.started_at,
    )
    return ShownLeg(leg, sound)


def live_leg(call: LiveCall, leg: LiveLeg, stored: LegView | None, told: Mapping[str, Any]) -> ShownLeg:
    """Of a call that lasts: the figures of the last seconds."""
    started = call.started_at or 0.0
    begin = call.answered_at if call.answered_at is not None else started
    media = leg.media
    figures = {**media, "remote_mos": media.get("remote_mos_now"), "hearing": told.get("hearing")}
    sound = leg_sound(
        leg.extension or leg.device,
        figures if call.is_talking else {},
        sent=Direction(
            number(media.get("mos_now")), number(media.get("loss_percent_now")), number(media.get("jitter_ms"))
        ),
        series=told.get("quality"),
        ended_after=max(0.0, context().now - begin),
        answered_after=begin - started,
    )
    return ShownLeg(leg_view(leg, stored), sound)


def as_view(call: LiveCall) -> CallView:
    """A live call in the form of the history."""
    return CallView(
        id=call.id,
        started_at=call.started_at or 0.0,
        ringing_at=None,
        answered_at=call.answered_at,
        ended_at=None,
        caller_number=call.caller.number,
        caller_name=call.caller.name,
        caller_device=call.caller.device,
        callee_number=call.callee.number,
        callee_name=call.callee.name,
        dialled=call.callee.number,
        status="talking" if call.is_talking else "ringing",
        sip_status=None,
        cause="",
        ended_by="",
        detail={},
    )


def leg_view(leg: LiveLeg, stored: LegView | None) -> LegView:
    """One side of a live call in the form of the history, with its figures of this moment."""
    known = stored or LegView(side=leg.side, device=leg.device, signalling_secure=leg.transport in ("TLS", "WSS"))
    return replace(
        known,
        extension=leg.extension,
        transport=leg.transport,
        remote=leg.remote,
        state=leg.state,
        codec=leg.codec,
        packets_received=int(leg.media.get("packets_received") or 0),
        packets_sent=int(leg.media.get("packets_sent") or 0),
        packets_lost=int(leg.media.get("packets_lost") or 0),
        jitter_ms=float(leg.media.get("jitter_ms") or 0.0),
    )
