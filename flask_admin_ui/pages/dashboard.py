"""The start page: what runs, which phones are online, who talks, and how many calls there were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response as BaseResponse

from appliance.operations.alarms import list_alarms
from appliance.operations.call_statistics import HourOfCalls, calls_per_hour
from appliance.operations.devices import list_devices
from appliance.operations.events import list_events
from appliance.operations.paging import PageRequest
from flask_admin_ui.fragments import is_partial_request
from flask_admin_ui.live import Snapshot
from flask_admin_ui.pages.common import live_fragment
from flask_admin_ui.security.access import admin_only, context, viewer
from flask_admin_ui.services import services
from flask_admin_ui.views import live_call_rows, process_table

blueprint = Blueprint("dashboard", __name__)
SHOWN_CALLS = 8
SHOWN_EVENTS = 6


@blueprint.get("/")
def show() -> BaseResponse:
    if not viewer().is_admin:
        return redirect(url_for("devices.index"))
    return dashboard()


@admin_only
def dashboard() -> Response:
    if is_partial_request():
        return live_fragment(lambda: render_template("dashboard/live.html", **values()))
    return make_response(render_template("dashboard/show.html", **values()))


@dataclass(frozen=True, slots=True)
class Totals:
    """The calls of the last 24 hours."""

    total: int
    missed: int


def values() -> dict[str, object]:
    live = services().daemon.snapshot()
    hours = calls_per_hour(context())
    return {
        "live": live,
        "alarms": list_alarms(context()),
        "calls": live_call_rows(live.calls, may_hang_up=True)[:SHOWN_CALLS],
        "talking": sum(1 for call in live.calls if call.is_talking),
        "online": online_devices(live),
        "device_count": list_devices(context(), PageRequest(1, 1)).total,
        "hours": hours,
        "today": totals(hours),
        "processes": process_table(services().processes.list()),
        "events": list_events(context(), PageRequest(1, SHOWN_EVENTS)).rows,
    }


def online_devices(live: Snapshot) -> int | None:
    """How many devices have a contact that can be reached; None while nobody knows."""
    return sum(1 for username in live.bindings if live.online(username)) if live.reachable else None


def totals(hours: Sequence[HourOfCalls]) -> Totals:
    missed = sum(hour.missed for hour in hours)
    return Totals(missed + sum(hour.answered for hour in hours), missed)
