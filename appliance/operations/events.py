"""Events: what a person should know about, written by every program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from appliance.database.connection import open_database
from appliance.database.models import Event
from appliance.database.transactions import write_transaction
from appliance.operations.context import Context
from appliance.operations.paging import FIRST_PAGE, Page, PageRequest, paged


@dataclass(frozen=True, slots=True)
class EventView:
    """One event. `at` is in Unix seconds."""

    id: int
    at: float
    severity: str
    source: str
    kind: str
    message: str
    detail: Mapping[str, object]


def record_event(
    database: Path,
    *,
    severity: str,
    source: str,
    kind: str,
    message: str,
    detail: Mapping[str, object] | None = None,
) -> None:
    """Add an event. Takes the file and not a context, since the watchdog has nothing else when all is down."""
    open_database(database)
    with write_transaction():
        Event.create(severity=severity, source=source, kind=kind, message=message, detail=dict(detail or {}))


def list_events(context: Context, page: PageRequest = FIRST_PAGE, *, severity: str | None = None) -> Page[EventView]:
    """Newest first; for administrators."""
    context.require_admin()
    query = Event.select().order_by(Event.at.desc(), Event.id.desc())
    if severity is not None:
        query = query.where(Event.severity == severity)
    return paged(query, page, view_of)


def view_of(row: Event) -> EventView:
    return EventView(row.id, row.at, row.severity, row.source, row.kind, row.message, row.detail)
