"""The system: settings with where each value comes from, programs, events, and the audit log; for administrators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext, lazy_gettext
from werkzeug.wrappers import Response as BaseResponse

from appliance.errors import Conflict, Invalid
from appliance.operations import audit as audit_log
from appliance.operations import configuration
from appliance.operations import events as event_log
from appliance.operations.configuration import SettingView
from appliance.operations.support_bundle import make_support_bundle
from appliance.settings import Source
from appliance.supervision.client import SupervisorRefused, SupervisorUnreachable
from appliance.support.archive import Bundle
from flask_admin_ui.errors import ProblemError
from flask_admin_ui.fragments import is_partial_request
from flask_admin_ui.pages.common import form_status, live_fragment
from flask_admin_ui.paging import Listing, read_page
from flask_admin_ui.processes import UnknownProcess
from flask_admin_ui.security.access import context, require_admin
from flask_admin_ui.services import services
from flask_admin_ui.views import RESTARTABLE, process_table

blueprint = Blueprint("system", __name__)
blueprint.before_request(require_admin)

CHOICES = {"log_level": ("error", "warning", "info", "debug")}
SEVERITIES = ("error", "warning", "info")
MAX_VALUE = 1000


# ---------------------------------------------------------------- settings


@dataclass(frozen=True, slots=True)
class SettingField:
    """A setting in the form: what is in the input, and why it was refused."""

    setting: SettingView
    title: str
    typed: str
    error: str = ""

    @property
    def is_locked(self) -> bool:
        """Whether the page can show it only: the environment says it, or nobody but the environment can."""
        return self.setting.source is Source.ENVIRONMENT or not self.setting.can_be_set

    @property
    def choices(self) -> tuple[str, ...]:
        return CHOICES.get(self.setting.name, ())


@blueprint.route("/system/settings", methods=["GET", "POST"])
def settings() -> BaseResponse:
    known = configuration.list_settings(context())
    errors: Mapping[str, str] = {}
    if request.method == "POST":
        wanted = changed_values(known)
        try:
            configuration.set_settings(context(), wanted)
        except Invalid as error:
            errors = error.details
        else:
            if wanted:
                flash(gettext("Saved. It takes effect at the next start: gosip down, gosip up."), "success")
            return redirect(url_for("system.settings"))
    fields = [setting_field(setting, errors) for setting in known]
    return make_response(render_template("system/settings.html", fields=fields), form_status())


def changed_values(known: tuple[SettingView, ...]) -> dict[str, str | None]:
    """What the form changes, by name. An empty text takes a value back."""
    wanted: dict[str, str | None] = {}
    for setting in known:
        text = request.form.get(setting.name)
        if text is None or not setting.can_be_set or setting.source is Source.ENVIRONMENT:
            continue
        if text.strip() != setting.value:
            wanted[setting.name] = text.strip()[:MAX_VALUE]
    return wanted


def setting_field(setting: SettingView, errors: Mapping[str, str]) -> SettingField:
    typed = request.form.get(setting.name, setting.value) if request.method == "POST" else setting.value
    title = TITLES.get(setting.name, setting.name.replace("_", " ").capitalize())
    return SettingField(setting, str(title), typed, errors.get(setting.name, ""))


TITLES = {
    "data_dir": lazy_gettext("Data folder"),
    "bind_address": lazy_gettext("Listening address"),
    "sip_domain": lazy_gettext("SIP domain"),
    "external_ip": lazy_gettext("External address"),
    "sip_port": lazy_gettext("SIP port"),
    "http_port": lazy_gettext("HTTP port"),
    "https_port": lazy_gettext("HTTPS port"),
    "rtp_ports": lazy_gettext("Audio ports"),
    "media_workers": lazy_gettext("Media processes"),
    "log_level": lazy_gettext("Log level"),
    "debug": lazy_gettext("Debugging"),
    "database_url": lazy_gettext("Database"),
    "timezone": lazy_gettext("Time zone"),
    "admin_networks": lazy_gettext("Admin networks"),
    "ban_after": lazy_gettext("Ban after failures"),
    "never_ban": lazy_gettext("Never ban"),
    "connections_per_source": lazy_gettext("Connections per address"),
}


# ---------------------------------------------------------------- programs


@blueprint.get("/system/processes")
def processes() -> BaseResponse:
    values = {"live": services().daemon.snapshot(), "processes": process_table(services().processes.list())}
    if is_partial_request():
        return live_fragment(lambda: render_template("system/processes_results.html", **values))
    return make_response(render_template("system/processes.html", **values))


@blueprint.post("/system/processes/<path:name>/restart")
def restart(name: str) -> BaseResponse:
    restart_process(name)
    flash(gettext("%(name)s was started again.", name=name.rpartition(":")[2]), "success")
    return redirect(url_for("system.processes"))


def restart_process(name: str) -> None:
    """Raises the 404, 403 or 503."""
    if name.partition(":")[0] not in RESTARTABLE:
        raise ProblemError(403, gettext("This program cannot be restarted from here. Use: gosip down, gosip up."))
    try:
        services().processes.restart(name)
    except UnknownProcess as error:
        raise ProblemError(404) from error
    except (SupervisorUnreachable, SupervisorRefused) as error:
        raise ProblemError(503, str(error)) from error
    audit_log.note(context(), "program.restart", name)


# ---------------------------------------------------------------- support bundle


@blueprint.post("/system/support-bundle")
def support_bundle() -> BaseResponse:
    try:
        bundle = make_support_bundle(context(), with_numbers=bool(request.form.get("with_numbers")))
    except Conflict as error:
        flash(str(error), "danger")
        return redirect(url_for("system.processes"))
    return bundle_file(bundle)


def bundle_file(bundle: Bundle) -> Response:
    """As a download."""
    response = Response(bundle.data, mimetype="application/gzip")
    response.headers["Content-Disposition"] = f'attachment; filename="{bundle.name}"'
    return response


# ---------------------------------------------------------------- events and audit


@blueprint.get("/system/events")
def events() -> str:
    severity = request.args.get("severity", "")
    severity = severity if severity in SEVERITIES else ""
    page = event_log.list_events(context(), read_page(request.args), severity=severity or None)
    listing = Listing.of(page, page.rows, url_for("system.events"), {"severity": severity})
    choices = [
        ("", gettext("All")),
        ("error", gettext("Errors")),
        ("warning", gettext("Warnings")),
        ("info", gettext("Notes")),
    ]
    return render_template("system/events.html", page=listing, severity=severity, severities=choices)


@blueprint.get("/system/audit")
def audit() -> str:
    page = audit_log.list_audit(context(), read_page(request.args))
    return render_template("system/audit.html", page=Listing.of(page, page.rows, url_for("system.audit")))
