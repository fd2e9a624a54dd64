"""For monitors, without signing in: is the app alive, and can it do its work. Nothing else is told."""

from __future__ import annotations

from flask import Blueprint, Response

from appliance.database.models import Revision
from appliance.database.transactions import speaking_errors
from appliance.errors import DatabaseError
from flask_admin_ui.api.wire import answer
from flask_admin_ui.services import services

blueprint = Blueprint("api_health", __name__, url_prefix="/api/health")


@blueprint.get("/live")
def live() -> Response:
    """This process answers."""
    return answer({"status": "ok"})


@blueprint.get("/ready")
def ready() -> Response:
    """200 when the database can be read and `sip` answers, else 503 with which of them does not."""
    checks = {"database": database_answers(), "sip": services().daemon.snapshot().reachable}
    works = all(checks.values())
    words = {name: "ok" if check else "failed" for name, check in checks.items()}
    return answer({"status": "ok" if works else "failed", "checks": words}, 200 if works else 503)


@blueprint.get("")
def health() -> Response:
    return ready()


def database_answers() -> bool:
    try:
        with speaking_errors():
            Revision.get_by_id(1)
    except DatabaseError:
        return False
    return True
