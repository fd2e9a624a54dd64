"""What a person or a program is told when a request cannot be served.

A page for people, RFC 9457 problem+json under /api. One rule: an answer never shows a traceback, a path or a query;
an unexpected error gets a reference that finds it in the log.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from flask import Flask, Response, current_app, jsonify, make_response, render_template, request
from flask_babel import gettext, lazy_gettext
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, default_exceptions

from appliance.control.errors import ControlError
from appliance.errors import (
    ApplianceError,
    Conflict,
    DatabaseError,
    Forbidden,
    Invalid,
    LockedOut,
    NotFound,
    SignInRefused,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The words for one status."""

    title: object
    """Lazy texts: translated when shown."""
    text: object
    icon: str = "alert-circle"


EXPLANATIONS = {
    400: Explanation(
        lazy_gettext("This request could not be understood"),
        lazy_gettext("Go back, reload the page and try again."),
    ),
    401: Explanation(lazy_gettext("Please sign in"), lazy_gettext("This needs a signed-in person or a token."), "lock"),
    403: Explanation(
        lazy_gettext("This is not for your account"),
        lazy_gettext("Your account has no right to do this. An administrator can help."),
        "lock",
    ),
    404: Explanation(
        lazy_gettext("There is nothing here"),
        lazy_gettext("It may have been deleted, or the address has a typing error."),
        "search",
    ),
    405: Explanation(
        lazy_gettext("This address does not take that"),
        lazy_gettext("Go back and use the buttons of the page."),
    ),
    422: Explanation(lazy_gettext("Some values are not allowed"), lazy_gettext("Correct them and send them again.")),
    409: Explanation(
        lazy_gettext("Somebody else was faster"),
        lazy_gettext("This was changed in the meantime. Reload the page and look at it again."),
    ),
    406: Explanation(
        lazy_gettext("There is no such form of this"),
        lazy_gettext("What is here cannot be given in a form that the request accepts."),
    ),
    412: Explanation(
        lazy_gettext("Somebody else was faster"),
        lazy_gettext("This was changed in the meantime. Reload the page and look at it again."),
    ),
    413: Explanation(
        lazy_gettext("That was too much at once"),
        lazy_gettext("What you sent is larger than this page accepts. Nothing was changed."),
    ),
    415: Explanation(
        lazy_gettext("This form cannot be read"),
        lazy_gettext("What you sent is of a kind that this address does not take."),
    ),
    429: Explanation(
        lazy_gettext("Too many attempts"),
        lazy_gettext("Wait a few minutes, then try again."),
        "clock",
    ),
    500: Explanation(
        lazy_gettext("Something went wrong on our side"),
        lazy_gettext("Nothing you did was wrong. The reason is in the log of the admin app under the reference below."),
    ),
    503: Explanation(
        lazy_gettext("GoSIP cannot do this at the moment"),
        lazy_gettext("A part of the system does not answer. It starts again by itself: try again in a few seconds."),
        "plug-connected-x",
    ),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field of the input and why it was refused."""

    field: str
    message: str


class ProblemError(Exception):
    """A request of the API that is answered with a problem document."""

    def __init__(
        self,
        status: int,
        detail: str | None = None,
        *,
        details: Sequence[FieldError] = (),
        retry_after: int | None = None,
    ) -> None:
        super().__init__(detail or status)
        self.status = status
        self.detail = detail
        self.details = tuple(details)
        self.retry_after = retry_after


def install(app: Flask) -> None:
    """Register the handlers for each HTTP error and for what nobody expected."""
    for status in default_exceptions:
        app.register_error_handler(status, answer_http_error)
    app.register_error_handler(CSRFError, answer_csrf_error)
    app.register_error_handler(ProblemError, answer_problem)
    app.register_error_handler(ApplianceError, answer_refusal)
    app.register_error_handler(Exception, answer_unexpected)


def answer_http_error(error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.response is not None:
        return make_response(error.response)
    response = answer(error.code or 500)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def answer_csrf_error(error: Exception) -> Response:
    log.info("refused a form without a valid token: %s", error)
    return answer(
        400, detail=gettext("This form has expired or came from another site. Reload the page and send it again.")
    )


def answer_problem(error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    response = answer(error.status, detail=error.detail, details=error.details)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def answer_refusal(error: Exception) -> Response:
    """What an operation refused and no view had a better place for."""
    match error:
        case Invalid():
            details = [FieldError(name, message) for name, message in error.details.items()]
            return answer(422, detail=gettext("Some values are not allowed."), details=details)
        case Conflict():
            details = [FieldError(error.field, str(error))] if error.field else []
            return answer(409, detail=str(error), details=details)
        case NotFound():
            return answer(404, detail=str(error) if request.path.startswith("/api/") else None)
        case Forbidden():
            return answer(403, detail=str(error))
        case LockedOut():
            response = answer(429, detail=str(error))
            response.headers["Retry-After"] = str(error.retry_after)
            return response
        case SignInRefused():
            return answer(401, detail=str(error))
        case ControlError() | DatabaseError():
            return answer(503, detail=str(error))
    return answer_unexpected(error)


def answer_unexpected(error: Exception) -> Response:
    reference = secrets.token_hex(4)
    log.error("%s %s failed, reference %s", request.method, request.path, reference, exc_info=error)
    if current_app.testing:
        raise error
    return answer(500, reference=reference)


def answer(
    status: int, *, detail: str | None = None, details: Sequence[FieldError] = (), reference: str | None = None
) -> Response:
    """The error in the form that the asker reads: a problem document for the API, a page for people."""
    known = EXPLANATIONS.get(status) or EXPLANATIONS[400 if status < 500 else 500]
    if request.path.startswith("/api/"):
        return problem(status, str(known.title), detail or str(known.text), details, reference)
    retry = request.full_path.rstrip("?") if status in (500, 503) and request.method == "GET" else None
    page = render_template(
        "errors/error.html",
        status=status,
        title=str(known.title),
        text=detail or str(known.text),
        picture=known.icon,
        reference=reference,
        retry=retry,
    )
    response = make_response(page, status)
    # htmx shows a failed request as a short message. A header takes neither line ends nor all letters: app.js decodes.
    response.headers["X-Error-Title"] = quote(detail or str(known.title), safe=" ")
    return response


def problem(
    status: int, title: str, detail: str, details: Sequence[FieldError], reference: str | None = None
) -> Response:
    """RFC 9457 §3: title for the kind, detail for this occurrence, and our list of refused fields."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase if status in set(HTTPStatus) else title,
        "status": status,
        "detail": detail,
        "details": [{"field": one.field, "message": one.message} for one in details],
    }
    if reference:
        body["reference"] = reference
    response = jsonify(body)
    response.status_code = status
    response.mimetype = "application/problem+json"
    return response
