"""One's own account: password, second factor, and where one is signed in."""

from __future__ import annotations

import contextlib
import io

import segno
from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_babel import gettext
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from appliance.errors import Conflict, Invalid, LockedOut, NotFound
from appliance.operations import api_tokens, second_factor, sessions, users
from appliance.operations.api_tokens import NewToken
from appliance.secret import Secret
from flask_admin_ui.forms import ConfirmForm, PasswordForm, SecondFactorForm, TokenForm, submitted, take_errors
from flask_admin_ui.pages.common import form_status
from flask_admin_ui.security.access import context, require_session, viewer

blueprint = Blueprint("account", __name__)


@blueprint.get("/account")
def show() -> BaseResponse:
    return account_page(PasswordForm())


def account_page(form: PasswordForm) -> Response:
    page = render_template(
        "account/show.html",
        form=form,
        has_second_factor=has_second_factor(),
        sessions=sessions.own_sessions(context()),
        tokens=api_tokens.list_tokens(context()),
    )
    return make_response(page, form_status())


@blueprint.post("/account/password")
def change_password() -> BaseResponse:
    form = PasswordForm(submitted())
    if form.validate():
        try:
            users.change_own_password(
                context(),
                Secret(form.current.data or ""),
                Secret(form.password.data or ""),
                keep_session=require_session(),
            )
        except (Invalid, LockedOut) as error:
            take_errors(form, error)
        else:
            flash(gettext("The password was changed. Your other sessions are signed out."), "success")
            return redirect(url_for("account.show"))
    return account_page(form)


@blueprint.post("/account/sessions/<int(max=9223372036854775807):session_id>/end")
def end_session(session_id: int) -> BaseResponse:
    sessions.end_own_session(context(), session_id)
    flash(gettext("That session is signed out."), "success")
    return redirect(url_for("account.show"))


@blueprint.post("/account/sessions/end-others")
def end_other_sessions() -> BaseResponse:
    for one in sessions.own_sessions(context()):
        if one.id != viewer().session_id:
            sessions.end_own_session(context(), one.id)
    flash(gettext("You are signed out everywhere else."), "success")
    return redirect(url_for("account.show"))


@blueprint.route("/account/tokens/new", methods=["GET", "POST"])
def new_token() -> BaseResponse:
    """The answer to the form is the only page that ever shows the token."""
    form = TokenForm(submitted())
    if request.method == "POST" and form.validate():
        days = int(form.days.data) if form.days.data else None
        try:
            made = api_tokens.make_token(context(), form.name.data or "", form.scope.data, days=days)
        except (Invalid, Conflict) as error:
            take_errors(form, error)
        else:
            return made_token(made)
    return make_response(render_template("account/new_token.html", form=form), form_status())


def made_token(made: NewToken) -> Response:
    example = f'curl -sk https://{request.host}/api/me \\\n  -H "Authorization: Bearer $TOKEN"'
    return make_response(
        render_template("account/token.html", made=made.view, token=made.token.reveal(), example=example)
    )


@blueprint.post("/account/tokens/<int(max=9223372036854775807):token_id>/revoke")
def revoke_token(token_id: int) -> BaseResponse:
    # Revoked twice is revoked.
    with contextlib.suppress(NotFound):
        api_tokens.revoke_token(context(), token_id)
    flash(gettext("That token is worth nothing from now on."), "success")
    return redirect(url_for("account.show"))


@blueprint.route("/account/second-factor", methods=["GET", "POST"])
def set_up_second_factor() -> BaseResponse:
    if has_second_factor():
        return redirect(url_for("account.show"))
    form = SecondFactorForm(submitted())
    if request.method == "POST" and form.validate():
        try:
            second_factor.confirm_second_factor(context(), Secret(form.secret.data or ""), form.code.data or "")
        except Invalid as error:
            take_errors(form, error)
        else:
            flash(gettext("The second factor is on: the next sign-in asks for a code."), "success")
            return redirect(url_for("account.show"))
    # After a mistyped code it is the same offer again: the app on the phone knows it already.
    offer = second_factor.offer_second_factor(context(), Secret(form.secret.data) if form.secret.data else None)
    form.secret.data = offer.secret.reveal()
    page = render_template(
        "account/second_factor.html", form=form, qr=qr_code(offer.uri), secret=grouped(offer.secret.reveal())
    )
    return make_response(page, form_status())


def has_second_factor() -> bool:
    return users.get_user(context(), viewer().name).has_second_factor


def qr_code(uri: Secret) -> Markup:
    """The code as SVG inside the page, drawn without any style attribute."""
    buffer = io.BytesIO()
    segno.make(uri.reveal(), error="m").save(buffer, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=2)
    return Markup(buffer.getvalue().decode())  # noqa: S704 - drawn by segno from numbers


def grouped(text: str) -> str:
    """In groups of four, as it is easiest to type."""
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


@blueprint.route("/account/second-factor/remove", methods=["GET", "POST"])
def remove_second_factor() -> BaseResponse:
    form = ConfirmForm(submitted())
    if request.method == "POST" and form.validate():
        try:
            second_factor.drop_own_second_factor(context(), Secret(form.password.data or ""))
        except (Invalid, LockedOut) as error:
            take_errors(form, error)
        else:
            flash(gettext("The second factor is off."), "success")
            return redirect(url_for("account.show"))
    return make_response(render_template("account/remove_second_factor.html", form=form), form_status())
