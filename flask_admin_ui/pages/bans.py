"""Addresses that are kept out: the live list with the reasons, ending a ban, making one, whom never to ban."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as BaseResponse

from appliance.control.errors import ControlError
from appliance.errors import NotFound, OperationError
from appliance.operations import bans as operations
from appliance.operations import configuration
from flask_admin_ui.daemon import reason_of
from flask_admin_ui.errors import ProblemError
from flask_admin_ui.forms import BanForm, submitted, take_errors
from flask_admin_ui.fragments import is_partial_request
from flask_admin_ui.live import LiveBan, read_ban
from flask_admin_ui.pages.common import error_status, live_fragment
from flask_admin_ui.security.access import context, require_admin
from flask_admin_ui.services import services
from flask_admin_ui.views import ban_rows

blueprint = Blueprint("bans", __name__)
blueprint.before_request(require_admin)

Result = TypeVar("Result")


@blueprint.route("/system/bans", methods=["GET", "POST"])
def index() -> BaseResponse:
    snapshot = services().daemon.snapshot()
    values = {"live": snapshot, "bans": ban_rows(snapshot.bans)}
    if is_partial_request():
        return live_fragment(lambda: render_template("bans/results.html", **values))
    form = BanForm(submitted())
    status = 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                made = ban_source(form.source.data or "", form.seconds, form.note.data or "", force=form.force.data)
            except OperationError as error:
                take_errors(form, error, default="source")
                status = error_status(error)
            else:
                flash(gettext("%(source)s is banned.", source=made.source), "success")
                return redirect(url_for("bans.index"))
    never = configuration.get_setting(context(), "never_ban").value
    return make_response(render_template("bans/index.html", form=form, never=never, **values), status)


@blueprint.post("/system/bans/remove")
def remove() -> BaseResponse:
    source = unban_source(request.form.get("source", "")[:100])
    flash(gettext("%(source)s is let in again.", source=source), "success")
    return redirect(url_for("bans.index"))


def known_bans() -> tuple[LiveBan, ...]:
    """Raises the 503 when the phone system does not answer."""
    snapshot = services().daemon.snapshot()
    if not snapshot.reachable:
        raise ProblemError(503, snapshot.reason)
    return snapshot.bans


def ban_source(source: str, seconds: int | None, note: str, *, force: bool) -> LiveBan:
    """Raises `Invalid` or `Conflict`, or the 503."""
    return read_ban(changed(lambda: operations.add_ban(context(), source, seconds=seconds, note=note, force=force)))


def unban_source(source: str) -> str:
    """Raises the 404 or 503."""
    try:
        return changed(lambda: operations.remove_ban(context(), source))
    except NotFound as error:
        raise ProblemError(404, gettext("This address is not banned (any more).")) from error


def changed(change: Callable[[], Result]) -> Result:
    """Have the daemon do it, and the pages look anew."""
    try:
        result = change()
    except ControlError as error:
        raise ProblemError(503, reason_of(error)) from error
    services().daemon.expire()
    services().fragments.clear()
    return result
