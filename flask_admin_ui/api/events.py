"""The stream of events, as the document shows it. The program `events` serves it; nginx hands it over there."""

from __future__ import annotations

from typing import Any

from flask import Blueprint
from pydantic import Field

from flask_admin_ui.api.operation import operation
from flask_admin_ui.errors import ProblemError
from flask_admin_ui.shapes import Query

blueprint = Blueprint("api_events", __name__, url_prefix="/api/events")


class StreamQuery(Query):
    kinds: str = Field("", max_length=200, description="Only these kinds, by commas; all when empty.")
    last_event_id: str = Field("", max_length=100, description="As the header Last-Event-ID.")


@blueprint.get("/stream")
@operation("Follow what happens", query=StreamQuery, gives=str, media_type="text/event-stream")
def stream(query: StreamQuery) -> Any:  # noqa: ARG001
    """Server-Sent Events: `binding`, `call`, `listeners`, `process`, `alarm` and `system`, each with JSON as its data.

    `hello` names the place to go on from, `reset` says that events were missed, `bye` why the stream ends. A user hears
    of the calls and phones of the own numbers.
    """
    raise ProblemError(503, "The program events does not answer. Ask for the state instead, and try again later.")
