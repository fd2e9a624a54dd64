"""SIP messages as a ladder: of a phone, of a call, of an address, of strangers, of all; for administrators."""

from __future__ import annotations

from flask import Blueprint, Response, make_response, render_template, request, url_for
from flask_babel import gettext

from appliance.control.errors import ControlError
from appliance.errors import Invalid, NotFound
from appliance.operations import history
from appliance.operations.trace import EVERYBODY, TraceOf, look
from flask_admin_ui.daemon import reason_of
from flask_admin_ui.fragments import is_partial_request
from flask_admin_ui.ladder import ladder
from flask_admin_ui.pages.common import live_fragment
from flask_admin_ui.security.access import context, require_admin
from flask_admin_ui.services import services

blueprint = Blueprint("messages", __name__)
blueprint.before_request(require_admin)


@blueprint.get("/device/<username>/messages")
def device(username: str) -> Response:
    return answer(
        TraceOf(device=username),
        gettext("SIP messages of %(name)s", name=username),
        url_for("messages.device", username=username),
        back=(url_for("devices.show", username=username), gettext("Phone %(name)s", name=username)),
    )


@blueprint.get("/call/<call_id>/messages")
def call(call_id: str) -> Response:
    return answer(
        TraceOf(call=call_id),
        gettext("SIP messages of a call"),
        url_for("messages.call", call_id=call_id),
        back=(url_for("calls.show", call_id=call_id), gettext("The call")),
    )


@blueprint.get("/system/messages")
def system() -> Response:
    """Of all, unless the query names an address or asks for strangers."""
    source = request.args.get("source", "").strip()[:100]
    of = TraceOf(source=source, strangers=not source and request.args.get("show") == "strangers")
    own = url_for("messages.system", source=source or None, show="strangers" if of.strangers else None)
    try:
        return answer(of, gettext("SIP messages"), own, is_system=True)
    except Invalid as error:
        page = render_template(
            "messages/show.html",
            of=of,
            title=gettext("SIP messages"),
            own=own,
            is_system=True,
            problem=error.details["source"],
        )
        return make_response(page, 422)


def answer(
    of: TraceOf, title: str, own: str, *, back: tuple[str, str] | None = None, is_system: bool = False
) -> Response:
    """The page, or its live part. Each look counts, also at what was rendered for somebody else."""
    try:
        look(context(), of)
    except ControlError:
        pass  # a call that is not on disk, and nobody knows whether it is live: the page says why nothing is shown
    if is_partial_request():
        return live_fragment(lambda: render_template("messages/results.html", **values(of)))
    page = render_template(
        "messages/show.html", of=of, title=title, own=own, back_to=back, is_system=is_system, **values(of)
    )
    return make_response(page)


def values(of: TraceOf) -> dict[str, object]:
    try:
        found = services().traces.read(context(), of)
    except ControlError as error:
        return {"reason": reason_of(error), "ladder": None}
    return {"reason": "", "ladder": ladder(found, names(of)), "is_everybody": of == EVERYBODY}


def names(of: TraceOf) -> dict[str, str]:
    """Who is at an address: the phones that are registered from there, and those of the call."""
    snapshot = services().daemon.snapshot()
    known = {
        binding.remote: binding.username
        for username in sorted(snapshot.bindings)
        for binding in snapshot.bindings[username]
    }
    if of.call:
        known |= {leg.remote: leg.device for one in snapshot.calls if one.id == of.call for leg in one.legs}
        try:
            known |= {leg.remote: leg.device for leg in history.get_call(context(), of.call).legs if leg.remote}
        except NotFound:
            pass  # it has just begun
    return known
