"""The system as a whole: status, configuration, audit and events; for administrators."""

from __future__ import annotations

from typing import Any, Literal

from flask import Blueprint
from pydantic import Field, create_model

from appliance.operations import alarms as alarm_list
from appliance.operations import audit as audit_log
from appliance.operations import configuration
from appliance.operations import events as event_log
from appliance.operations.support_bundle import make_support_bundle
from appliance.settings import SETTINGS, Source
from flask_admin_ui.api.lists import PageQuery, listed
from flask_admin_ui.api.operation import operation
from flask_admin_ui.pages.system import bundle_file
from flask_admin_ui.security.access import context
from flask_admin_ui.services import services
from flask_admin_ui.shapes import Free, Input, Listing, Moment, Output, Query

blueprint = Blueprint("api_system", __name__, url_prefix="/api/system")


class Process(Output):
    """A program as supervisor sees it."""

    name: str
    state: str
    pid: int
    started_at: Moment
    description: str


class Status(Output):
    """What runs."""

    reachable: bool = Field(description="Whether the phone system answers.")
    reason: str | None
    sip: Free | None = Field(description="Listeners and counts, as the phone system tells them.")
    processes: list[Process]
    processes_reason: str | None


class Setting(Output):
    """A setting with where its value comes from; of a secret only whether it is set."""

    name: str
    variable: str
    value: str
    source: Source
    help: str
    can_be_set: bool


class Settings(Output):
    items: list[Setting]


SETTING_FIELDS: dict[str, Any] = {
    name: (str | None, Field(None, max_length=1000, description=setting.help))
    for name, setting in SETTINGS.items()
    if setting.is_offered
}
SettingsChange = create_model(
    "SettingsChange",
    __base__=Input,
    __doc__="Values as text, null to take one back. They take effect at the next start.",
    **SETTING_FIELDS,
)


class AuditRow(Output):
    """Who changed what, and from where."""

    id: int
    at: Moment
    actor: str
    source: str
    action: str
    subject: str
    detail: Free


class Event(Output):
    """Something that a person should know about."""

    id: int
    at: Moment
    severity: str
    source: str
    kind: str
    message: str
    detail: Free


class Alarm(Output):
    """Something that is wrong now."""

    key: str = Field(description="What it is about, for programs.")
    severity: Literal["error", "warning"]
    message: str
    fix: str = Field(description="What to do.")
    since: Moment
    changed_at: Moment = Field(description="When it came to say what it says now.")


class Alarms(Output):
    items: list[Alarm]


class AuditQuery(PageQuery):
    actor: str | None = Field(None, max_length=200, description="Only what this person did.")
    subject: str | None = Field(None, max_length=200, description="Only what was done to this.")


class BundleQuery(Query):
    with_numbers: bool = Field(False, description="Leave numbers and names as they are instead of masking them.")


class EventQuery(PageQuery):
    severity: Literal["error", "warning", "info"] | None = None


@blueprint.get("/status")
@operation("Show what runs", gives=Status, admin=True)
def status() -> Any:
    live = services().daemon.snapshot()
    known = services().processes.list()
    return {
        "reachable": live.reachable,
        "reason": live.reason or None,
        "sip": live.status if live.reachable else None,
        "processes": known.rows,
        "processes_reason": known.reason or None,
    }


@blueprint.get("/config")
@operation("Show the settings", gives=Settings, admin=True)
def config() -> Any:
    """Every setting with its value and where that comes from."""
    return {"items": configuration.list_settings(context())}


@blueprint.patch("/config")
@operation("Change settings", takes=SettingsChange, gives=Settings, admin=True, clashes=True)
def set_config(body: Input) -> Any:
    """All of them or none."""
    configuration.set_settings(context(), {name: getattr(body, name) for name in body.model_fields_set})
    return {"items": configuration.list_settings(context())}


@blueprint.get("/audit")
@operation("List who changed what", query=AuditQuery, gives=Listing[AuditRow], admin=True)
def audit(query: AuditQuery) -> Any:
    """Newest first."""
    actor, subject = query.actor or None, query.subject or None
    return listed(audit_log.list_audit(context(), query.wanted, actor=actor, subject=subject))


@blueprint.get("/events")
@operation("List what happened", query=EventQuery, gives=Listing[Event], admin=True)
def events(query: EventQuery) -> Any:
    """Newest first."""
    return listed(event_log.list_events(context(), query.wanted, severity=query.severity))


@blueprint.get("/alarms")
@operation("List what is wrong now", gives=Alarms, admin=True)
def alarms() -> Any:
    """The worst first. An alarm goes when it is right again; the events keep what was."""
    return {"items": alarm_list.list_alarms(context())}


@blueprint.post("/support-bundle")
@operation(
    "Make a support bundle", query=BundleQuery, gives=bytes, media_type="application/gzip", admin=True, clashes=True
)
def support_bundle(query: BundleQuery) -> Any:
    """A .tar.gz for somebody who helps, without secrets; it takes seconds. 409 while another one is being made."""
    return bundle_file(make_support_bundle(context(), with_numbers=query.with_numbers))
