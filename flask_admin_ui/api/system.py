"""The system as a whole: status, configuration, audit and events; for administrators."""

from __future__ import annotations

from flask import Blueprint, Response

from appliance.errors import Invalid, NotFound
from appliance.operations import audit as audit_log
from appliance.operations import configuration
from appliance.operations import events as event_log
from flask_admin_ui.api.wire import Body, answer, answer_page, camel, in_sender_words, page_request, query_text
from flask_admin_ui.errors import FieldError, ProblemError
from flask_admin_ui.pages.system import SEVERITIES, refused_values
from flask_admin_ui.security.access import context, require_admin
from flask_admin_ui.services import services

blueprint = Blueprint("api_system", __name__, url_prefix="/api/system")
blueprint.before_request(require_admin)


@blueprint.get("/status")
def status() -> Response:
    live = services().daemon.snapshot()
    known = services().processes.list()
    return answer(
        {
            "reachable": live.reachable,
            "reason": live.reason or None,
            "sip": live.status if live.reachable else None,
            "processes": known.rows,
            "processes_reason": known.reason or None,
        }
    )


@blueprint.get("/config")
def config() -> Response:
    """Every setting with its value and where that comes from."""
    return answer({"items": configuration.list_settings(context())})


@blueprint.patch("/config")
def set_config() -> Response:
    """Values as text by the setting's name, null to take one back. Everything is checked before anything is kept."""
    known = {camel(setting.name): setting.name for setting in configuration.list_settings(context())}
    body = Body(*known)
    wanted = {known[name]: body.text(name) for name in known if name in body}
    body.finish()
    try:
        errors = refused_values({name: text or "" for name, text in wanted.items()})
        if errors:
            raise Invalid(errors)
        for name in wanted:
            configuration.column_of(configuration.find_setting(name))
        for name, text in wanted.items():
            configuration.set_setting(context(), name, text)
    except Invalid as error:
        raise in_sender_words(error) from error
    except NotFound as error:
        raise ProblemError(422, str(error), details=[FieldError("name", str(error))]) from error
    return config()


@blueprint.get("/audit")
def audit() -> Response:
    page = audit_log.list_audit(
        context(), page_request(), actor=query_text("actor") or None, subject=query_text("subject") or None
    )
    return answer_page(page)


@blueprint.get("/events")
def events() -> Response:
    severity = query_text("severity", SEVERITIES) or None
    return answer_page(event_log.list_events(context(), page_request(), severity=severity))
