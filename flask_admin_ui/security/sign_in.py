"""The entrance: set-up by a one-time code, sign-in with a second factor, sign-out."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request, url_for
from flask import session as state
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response as BaseResponse

from appliance.errors import CodeNeeded, Invalid, LockedOut, SignInRefused
from appliance.operations import sessions, setup_codes, users
from appliance.operations.sessions import SignedIn
from appliance.secret import Secret
from flask_admin_ui.forms import SetUpForm, SignInForm, submitted, take_errors
from flask_admin_ui.security.access import known_viewer, source_address
from flask_admin_ui.security.cookies import drop_token, known_browser, read_token, remember_browser, set_token
from flask_admin_ui.services import services

blueprint = Blueprint("sign_in", __name__)


@blueprint.route("/sign-in", methods=["GET", "POST"])
def enter() -> BaseResponse:
    if users.needs_set_up():
        return redirect(url_for("sign_in.set_up"))
    if known_viewer() is not None and request.method == "GET":
        return redirect(wanted_page())
    form = SignInForm(submitted())
    if request.method == "GET":
        return sign_in_page(form, 200)
    if not form.validate():
        return sign_in_page(form, 422)
    try:
        signed_in = sessions.sign_in(
            services().appliance,
            form.name.data or "",
            Secret(form.password.data or ""),
            address=source_address(),
            code=form.code.data or "",
            user_agent=request.user_agent.string,
            browser=known_browser(form.name.data or ""),
        )
    except CodeNeeded:
        return sign_in_page(form, 401, needs_code=True)
    except LockedOut as error:
        take_errors(form, error)
        page = sign_in_page(form, 429, needs_code=bool(form.code.data))
        page.headers["Retry-After"] = str(error.retry_after)
        return page
    except SignInRefused as error:
        take_errors(form, error)
        return sign_in_page(form, 401, needs_code=bool(form.code.data))
    return welcome(signed_in, wanted_page())


def sign_in_page(form: SignInForm, status: int, *, needs_code: bool = False) -> Response:
    """The whole page; for htmx only the part that says what is wrong or missing, so that the password stays typed."""
    is_partial = request.headers.get("HX-Request") is not None
    name = "security/sign_in_state.html" if is_partial else "security/sign_in.html"
    return make_response(render_template(name, form=form, needs_code=needs_code), status)


@blueprint.route("/set-up", methods=["GET", "POST"])
def set_up() -> BaseResponse:
    """Always there: a code from `gosip admin reset` gives a lost account back."""
    form = SetUpForm(submitted())
    if request.method == "POST" and form.validate():
        try:
            signed_in = setup_codes.use_setup_code(
                services().appliance,
                Secret(form.code.data or ""),
                form.name.data or "",
                Secret(form.password.data or ""),
                address=source_address(),
                user_agent=request.user_agent.string,
            )
        except (Invalid, SignInRefused) as error:
            take_errors(form, error, default="code")
        else:
            return welcome(signed_in, "/")
    status = 422 if request.method == "POST" else 200
    return make_response(render_template("security/set_up.html", form=form), status)


@blueprint.post("/sign-out")
def leave() -> BaseResponse:
    token = read_token(request)
    if token is not None:
        sessions.sign_out(token)
    state.clear()
    response = redirect(url_for("sign_in.enter"))
    drop_token(response)
    return response


def welcome(signed_in: SignedIn, page: str) -> BaseResponse:
    """Let somebody in: a fresh session, and a fresh CSRF base, so that nothing from before the sign-in counts on."""
    state.clear()
    response: BaseResponse
    if request.headers.get("HX-Request") is not None:
        response = make_response("", 200)
        response.headers["HX-Redirect"] = iri_to_uri(page)
    else:
        response = redirect(page)
    set_token(response, signed_in)
    remember_browser(response, signed_in.actor.name)
    return response


def wanted_page() -> str:
    """Where the person wanted to go: a path of ours and nothing else, or the start page."""
    wanted = request.args.get("next", "")
    parts = urlsplit(wanted)
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and not parts.netloc and not parts.scheme
    return wanted if is_ours and wanted.isprintable() and "\\" not in wanted else "/"
