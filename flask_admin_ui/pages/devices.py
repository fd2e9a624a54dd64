"""Phones: the list with their live state, adding one, its settings, a new password, removal."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as BaseResponse

from appliance.errors import Conflict, Invalid, OperationError
from appliance.operations import devices, extensions
from appliance.operations.extensions import DeviceView, ExtensionView
from appliance.operations.paging import PageRequest
from flask_admin_ui.forms import EditDeviceForm, NewDeviceForm, NumberForm, submitted, take_errors
from flask_admin_ui.fragments import is_partial_request
from flask_admin_ui.live import LiveBinding, Snapshot
from flask_admin_ui.pages.calls import latest_calls
from flask_admin_ui.pages.common import error_status, form_status, live_fragment, people, seen
from flask_admin_ui.paging import Listing, read_page
from flask_admin_ui.security.access import admin_only, context, viewer
from flask_admin_ui.services import services
from flask_admin_ui.views import best_binding
from flask_admin_ui.wording import Wording, device_state

blueprint = Blueprint("devices", __name__)


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """A phone with its live state."""

    device: DeviceView
    bindings: tuple[LiveBinding, ...]
    wording: Wording

    @property
    def binding(self) -> LiveBinding | None:
        """The contact to show in a list."""
        return best_binding(self.bindings)


def device_row(device: DeviceView, live: Snapshot) -> DeviceRow:
    bindings = live.bindings.get(device.username, ())
    return DeviceRow(device, bindings, device_state(device.enabled, live.reachable, bindings))


@blueprint.get("/devices")
def index() -> Response:
    search = request.args.get("search", "").strip()[:100]
    if is_partial_request():
        return live_fragment(lambda: render_template("devices/results.html", **list_values(search)))
    return make_response(render_template("devices/index.html", **list_values(search)))


def list_values(search: str) -> dict[str, object]:
    live = services().daemon.snapshot()
    page = devices.list_devices(context(), read_page(request.args), search=search)
    rows = [device_row(device, live) for device in page.rows]
    listing = Listing.of(page, rows, url_for("devices.index"), {"search": search})
    return {"page": listing, "search": search, "live": live, "viewer": viewer()}


@blueprint.route("/devices/new", methods=["GET", "POST"])
@admin_only
def new() -> Response:
    form = NewDeviceForm(submitted())
    form.offer_owners(people())
    if request.method == "POST" and form.validate():
        try:
            made = devices.add_device(
                context(),
                form.number.data or "",
                name=form.name.data or None,
                username=form.username.data or None,
                label=form.label.data or "",
                owner_id=form.owner_id,
            )
            if form.owner_id is not None:
                # A number that was there already keeps its owner unless this form names one.
                extensions.edit_extension(context(), made.device.number, owner_id=form.owner_id)
        except (Invalid, Conflict) as error:
            take_errors(form, error)
        else:
            return credentials_page(made)
    return make_response(render_template("devices/new.html", form=form), form_status())


def credentials_page(made: devices.NewDevice) -> Response:
    """The one page that shows a password. It is the answer to the form itself: nothing keeps it for a second look."""
    return make_response(
        render_template(
            "devices/credentials.html",
            device=made.device,
            password=made.password.reveal(),
            connection=connection_settings(),
        )
    )


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """What a phone needs to know of us."""

    host: str
    port: int
    transports: tuple[str, ...]


def connection_settings() -> ConnectionSettings:
    """The server as this viewer reaches it: the configured domain, else the address of the page itself."""
    settings = services().appliance.settings
    listeners = services().daemon.snapshot().listeners
    listening = {listener.transport for listener in listeners if listener.state != "failed"}
    transports = tuple(name for name in ("UDP", "TCP", "TLS") if name in listening) or ("UDP", "TCP")
    host = settings.sip_domain
    if host == "localhost":
        host = urlsplit(f"//{request.host}").hostname or host
    return ConnectionSettings(host, settings.sip_port, transports)


@blueprint.get("/device/<username>")
def show(username: str) -> Response:
    live = services().daemon.snapshot()
    row = device_row(devices.get_device(context(), username), live)
    if is_partial_request():
        return live_fragment(lambda: render_template("devices/state.html", row=row, live=live))
    siblings = devices.list_devices(context(), PageRequest(1, 2), number=row.device.number).total
    return make_response(
        render_template(
            "devices/show.html",
            row=row,
            live=live,
            siblings=siblings - 1,
            connection=connection_settings(),
            calls=latest_calls(row.device.number),
        )
    )


@blueprint.route("/device/<username>/edit", methods=["GET", "POST"])
@admin_only
def edit(username: str) -> BaseResponse:
    device = devices.get_device(context(), username)
    form = EditDeviceForm(submitted(), obj=device)
    status = form_status()
    if request.method == "POST" and form.validate():
        try:
            devices.edit_device(
                context(), username, label=form.label.data or "", enabled=bool(form.enabled.data), seen=seen()
            )
        except (Invalid, Conflict) as error:
            take_errors(form, error)
            status = error_status(error)
        else:
            flash(gettext("Saved."), "success")
            return redirect(url_for("devices.show", username=username))
    extension = extensions.get_extension(context(), device.number)
    return edit_page(device, extension, form, number_form(extension), status)


@blueprint.post("/device/<username>/number")
@admin_only
def edit_number(username: str) -> BaseResponse:
    """The number that the phone belongs to: what is changed holds for all of its phones."""
    device = devices.get_device(context(), username)
    form = NumberForm(submitted())
    form.offer_owners(people())
    status = form_status()
    if form.validate():
        try:
            extensions.edit_extension(
                context(),
                device.number,
                new_number=form.number.data,
                name=form.name.data or "",
                owner_id=form.owner_id,
                ring_seconds=form.ring_seconds.data,
                seen=seen(),
            )
        except OperationError as error:
            take_errors(form, error)
            status = error_status(error)
        else:
            flash(gettext("Saved."), "success")
            return redirect(url_for("devices.show", username=username))
    extension = extensions.get_extension(context(), device.number)
    return edit_page(device, extension, EditDeviceForm(obj=device), form, status)


def number_form(extension: ExtensionView) -> NumberForm:
    form = NumberForm(obj=extension)
    form.offer_owners(people())
    form.owner.data = "" if extension.owner_id is None else str(extension.owner_id)
    return form


def edit_page(
    device: DeviceView, extension: ExtensionView, form: EditDeviceForm, number: NumberForm, status: int
) -> Response:
    page = render_template(
        "devices/edit.html", device=device, extension=extension, form=form, number=number, conflict=status == 409
    )
    return make_response(page, status)


@blueprint.post("/device/<username>/password")
@admin_only
def renew_password(username: str) -> Response:
    return credentials_page(devices.set_password(context(), username))


@blueprint.post("/device/<username>/delete")
@admin_only
def delete(username: str) -> BaseResponse:
    device = devices.get_device(context(), username)
    devices.remove_device(context(), username, with_empty_extension=True)
    flash(gettext("Phone %(name)s was deleted.", name=device.username), "success")
    return redirect(url_for("devices.index"))
