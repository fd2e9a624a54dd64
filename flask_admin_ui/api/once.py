"""The Idempotency-Key header: an unsafe request that a program repeats is carried out once.

Around an operation of the API: the first answer that reports success is kept for a day, and repeated to the same
request of the same person. See `appliance.operations.idempotency`.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable
from typing import Any

from flask import Response, current_app, request

from appliance.operations import idempotency
from appliance.operations.idempotency import KeyReused, StillRunning, TooManyKeys
from appliance.secret import Secret
from appliance.secretbox import hkdf
from flask_admin_ui.errors import ProblemError
from flask_admin_ui.security.access import viewer
from flask_admin_ui.services import services

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
UNSAFE = ("POST", "PATCH", "DELETE", "PUT")
KEPT_HEADERS = ("Content-Type", "ETag", "Location")
KEY = re.compile(r'"[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}"|[\x21\x23-\x7e]{1,200}')
"""A string of RFC 8941 §3.3.3 without escapes, or the bare text that many programs send."""


def once(serve: Callable[[], Response]) -> Response:
    """What `serve` answers, or what it answered to the same request before."""
    if request.method not in UNSAFE or HEADER not in request.headers:
        return serve()
    appliance = services().appliance
    try:
        known = idempotency.claim_key(appliance, viewer().id, read_key(), fingerprint())
    except KeyReused as error:
        raise ProblemError(422, str(error)) from error
    except StillRunning as error:
        raise ProblemError(409, str(error), retry_after=1) from error
    except TooManyKeys as error:
        raise ProblemError(429, str(error), retry_after=3600) from error
    if isinstance(known, Secret):
        return replayed(known)
    try:
        response = serve()
    except BaseException:
        # What raises has changed nothing: operations are all or nothing.
        idempotency.give_up(known)
        raise
    if is_kept(response):
        idempotency.keep_answer(appliance, known, packed(response))
    else:
        idempotency.give_up(known)
    return response


def read_key() -> str:
    """Raises the 400."""
    text = request.headers[HEADER].strip()
    if not KEY.fullmatch(text):
        raise ProblemError(400, f"{HEADER} is a text of 1 to 200 printable ASCII characters, best a random UUID.")
    return text.strip('"')


def fingerprint() -> str:
    """Of all that makes it this request and no other."""
    parts = (request.method, request.full_path, request.headers.get("If-Match", ""))
    # Under a key of ours: a body may hold a password, which must not be guessed from a bare hash.
    key = hkdf(current_app.config["SECRET_KEY"], b"gosip idempotency fingerprint 1")
    return hmac.new(key, "\n".join(parts).encode() + b"\n" + request.get_data(), "sha256").hexdigest()


def is_kept(response: Response) -> bool:
    # What is kept is text: a file that is made anew each time is made anew.
    is_text = response.mimetype in ("application/json", "text/html", "")
    return is_text and response.status_code < 300 and len(response.get_data()) <= idempotency.MAX_ANSWER_BYTES


def packed(response: Response) -> Secret:
    headers = {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}
    return Secret(json.dumps([response.status_code, headers, response.get_data(as_text=True)]))


def replayed(answer: Secret) -> Response:
    status, headers, body = json.loads(answer.reveal())
    values: dict[str, Any] = {**headers, REPLAYED: "true"}
    return Response(body, status, headers=values)
