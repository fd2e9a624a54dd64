"""The API describes itself: its OpenAPI document."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, jsonify

from flask_admin_ui.api import document
from flask_admin_ui.api.operation import operation

blueprint = Blueprint("api_reference", __name__, url_prefix="/api")
KEY = "gosip_openapi"


def openapi_document() -> dict[str, Any]:
    """Of this app; made once in a process."""
    known: dict[str, Any] | None = current_app.extensions.get(KEY)
    if known is None:
        known = current_app.extensions[KEY] = document.build(current_app)
    return known


@blueprint.get("/openapi.json")
@operation("Show this document", gives=dict)
def openapi() -> Response:
    """OpenAPI 3.1."""
    return jsonify(openapi_document())
