"""For monitors, without signing in: is the app alive, and can it do its work. Nothing else is told."""

from __future__ import annotations

from typing import Any, Literal

from flask import Blueprint

from appliance.database.models import Revision
from appliance.database.transactions import speaking_errors
from appliance.errors import DatabaseError
from flask_admin_ui.api.operation import Answer, operation
from flask_admin_ui.services import services
from flask_admin_ui.shapes import Output

blueprint = Blueprint("api_health", __name__, url_prefix="/api/health")

Word = Literal["ok", "failed"]


class Alive(Output):
    """This process answers."""

    status: Literal["ok"]


class Checks(Output):
    """What the app needs for its work."""

    database: Word
    sip: Word


class Health(Output):
    """Whether the app can do its work."""

    status: Word
    checks: Checks


@blueprint.get("/live")
@operation("Whether the app answers", gives=Alive, public=True)
def live() -> Any:
    return {"status": "ok"}


@blueprint.get("/ready")
@operation("Whether the app can do its work", gives=Health, also={503: Health}, public=True)
def ready() -> Any:
    """200 when the database can be read and `sip` answers, else 503 with which of them does not."""
    return state_of_health()


@blueprint.get("")
@operation("The same as ready", gives=Health, also={503: Health}, public=True)
def health() -> Any:
    return state_of_health()


def state_of_health() -> Answer[dict[str, Any]]:
    checks = {"database": database_answers(), "sip": services().daemon.snapshot().reachable}
    works = all(checks.values())
    words = {name: "ok" if check else "failed" for name, check in checks.items()}
    return Answer({"status": "ok" if works else "failed", "checks": words}, 200 if works else 503)


def database_answers() -> bool:
    try:
        with speaking_errors():
            Revision.get_by_id(1)
    except DatabaseError:
        return False
    return True
