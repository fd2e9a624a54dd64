"""The certificate that every encrypted port serves: what is installed, what the ports show, putting one in."""

from __future__ import annotations

import json
from dataclasses import dataclass

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response as BaseResponse

from appliance.errors import ApplianceError, CertificateError, Invalid, SecretBoxError
from appliance.operations import certificates as operations
from appliance.operations.certificates import MAX_PEM, CertificateView
from appliance.secret import Secret
from appliance.secretbox import Purpose
from flask_admin_ui.errors import ProblemError
from flask_admin_ui.pages.common import form_status
from flask_admin_ui.paging import Listing, read_page
from flask_admin_ui.security.access import context, require_admin
from flask_admin_ui.services import services

blueprint = Blueprint("certificates", __name__)
blueprint.before_request(require_admin)

SEALED_FIELD = "form.certificate"
UPLOAD_SECONDS = 900.0
WARN_BELOW, ALARM_BELOW = 1 / 4, 1 / 8
"""Parts of a lifetime that are left."""


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How much of a certificate's time is left, for the eye."""

    percent_left: int
    kind: str
    """As a state is shown: good, warning or bad."""

    @classmethod
    def of(cls, view: CertificateView, now: float) -> Lifetime:
        left = (view.expiry - now) / max(view.expiry - view.not_before, 1.0)
        kind = "bad" if left < ALARM_BELOW else "warning" if left < WARN_BELOW else "good"
        return cls(round(min(max(left, 0.0), 1.0) * 100), kind)


@dataclass(frozen=True, slots=True)
class Pem:
    """What a person gave: a certificate with its chain, and the key."""

    chain: str = ""
    key: str = ""


@blueprint.get("/system/certificate")
def show() -> str:
    return page({})


def page(errors: dict[str, str], chain: str = "") -> str:
    status = operations.certificate_status(context())
    past = operations.list_deployments(context(), read_page(request.args))
    return render_template(
        "certificates/show.html",
        certificates=[(view, Lifetime.of(view, context().now)) for view in status.certificates],
        troubles=status.troubles,
        deployments=Listing.of(past, past.rows, url_for("certificates.show")),
        errors=errors,
        chain=chain,
    )


@blueprint.get("/system/certificate/served")
def served() -> str:
    """Shakes hands with every port: the page asks for it when it stands."""
    return render_template("certificates/served.html", rows=operations.served(context()))


@blueprint.get("/system/certificate/root.pem")
def root() -> Response:
    """The root of this machine's own: whoever trusts it trusts every certificate that is made here."""
    response = Response(operations.local_root_pem(context()), mimetype="application/x-pem-file")
    response.headers["Content-Disposition"] = 'attachment; filename="gosip-root.pem"'
    return response


@blueprint.post("/system/certificate/preview")
def preview() -> BaseResponse:
    """What the upload would change. The pair travels on in the form, sealed: a page never shows a key."""
    given = Pem(text_of("chain_file", "chain"), text_of("key_file", "key"))
    errors = {}
    if not given.chain.strip():
        errors["chain_pem"] = gettext("Choose the file of the certificate, or paste it.")
    if not given.key.strip():
        errors["key_pem"] = gettext("Choose the file of its key, or paste it.")
    if not errors:
        try:
            change = operations.upload_certificate(context(), given.chain, given.key, preview=True)
            sealed = seal(given)
        except Invalid as error:
            errors = error.details
        except SecretBoxError as error:
            errors = {"key_pem": str(error)}
        else:
            return make_response(render_template("certificates/preview.html", change=change, sealed=sealed))
    return make_response(page(errors, given.chain), form_status())


@blueprint.post("/system/certificate")
def install() -> BaseResponse:
    given = unseal(request.form.get("sealed", ""))
    try:
        change = operations.upload_certificate(context(), given.chain, given.key)
    except (Invalid, CertificateError) as error:
        flash(str(error), "danger")
        return redirect(url_for("certificates.show"))
    done = change.deployment
    flash(done.message if done is not None else "", "success" if done is not None and done.succeeded else "danger")
    return redirect(url_for("certificates.show"))


@blueprint.post("/system/certificate/deploy")
def deploy() -> BaseResponse:
    try:
        done = operations.deploy(context(), "page")
    except ApplianceError as error:
        flash(str(error), "danger")
    else:
        flash(done.message, "success" if done.succeeded else "danger")
    return redirect(url_for("certificates.show"))


def text_of(file_field: str, field: str) -> str:
    """The file that was sent, else the text; one character more than is allowed, so that the operation refuses it."""
    sent: FileStorage | None = request.files.get(file_field)
    if sent is not None and sent.filename:
        return sent.stream.read(MAX_PEM + 1).decode("latin-1")
    return request.form.get(field, "")[: MAX_PEM + 1]


def seal(pem: Pem) -> str:
    text = json.dumps({"until": context().now + UPLOAD_SECONDS, "chain": pem.chain, "key": pem.key})
    return services().appliance.box(Purpose.SERVICE).seal_text(SEALED_FIELD, Secret(text))


def unseal(text: str) -> Pem:
    """Raises the 409 for a form that is too old, or not ours."""
    expired = ProblemError(409, gettext("This form is no longer good. Choose the files again."))
    try:
        box = services().appliance.box(Purpose.SERVICE)
        held = json.loads(box.open_text(SEALED_FIELD, text).reveal())
    except SecretBoxError as error:
        raise expired from error
    if held["until"] < context().now:
        raise expired
    return Pem(held["chain"], held["key"])
