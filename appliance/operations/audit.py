"""The audit log: who changed what, from where. It is only ever added to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from appliance.database.models import Audit
from appliance.operations.change import change
from appliance.operations.context import Context
from appliance.operations.paging import FIRST_PAGE, Page, PageRequest, paged


@dataclass(frozen=True, slots=True)
class AuditView:
    """One row. `at` is in Unix seconds."""

    id: int
    at: float
    actor: str
    source: str
    action: str
    subject: str
    detail: Mapping[str, object]


def note(context: Context, action: str, subject: str, **detail: object) -> None:
    """Write down what was done to the running system and changed no table."""
    with change(context) as now:
        now.audit(action, subject, **detail)


def list_audit(
    context: Context, page: PageRequest = FIRST_PAGE, *, actor: str | None = None, subject: str | None = None
) -> Page[AuditView]:
    """Newest first; for administrators."""
    context.require_admin()
    query = Audit.select().order_by(Audit.at.desc(), Audit.id.desc())
    if actor is not None:
        query = query.where(Audit.actor == actor)
    if subject is not None:
        query = query.where(Audit.subject == subject)
    return paged(query, page, view_of)


def view_of(row: Audit) -> AuditView:
    return AuditView(row.id, row.at, row.actor, row.source, row.action, row.subject, row.detail)
