"""Alarms: what is wrong now and needs a person. One that is right again goes by itself; events keep what was.

An alarm is known by its key. Raising it again with the same words changes nothing, so whoever looks may say each minute
what he sees; other words, or another severity, are an event too.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from appliance.database.models import Alarm, Event
from appliance.database.transactions import write_transaction
from appliance.operations.context import Context

SOURCE = "alarm"


class Severity(StrEnum):
    """How bad it is."""

    WARNING = "warning"
    """It will go wrong if nobody does anything."""
    ERROR = "error"
    """It is wrong already."""


@dataclass(frozen=True, slots=True)
class AlarmView:
    """One alarm; times in Unix seconds."""

    key: str
    severity: str
    message: str
    fix: str
    """What to do."""
    since: float
    changed_at: float
    """When it came to say what it says now."""


def raise_alarm(context: Context, key: str, severity: Severity, message: str, fix: str) -> bool:
    """Whether this is news: a new alarm, or one that says something else now. `message` holds no secret."""
    with write_transaction():
        row = Alarm.get_or_none(Alarm.key == key)
        if row is not None and (row.severity, row.message, row.fix) == (severity, message, fix):
            return False
        said = {"severity": severity, "message": message, "fix": fix, "changed_at": context.now, "mailed_at": None}
        if row is None:
            Alarm.create(key=key, since=context.now, **said)
        else:
            Alarm.update(said).where(Alarm.key == key).execute()
        tell(context, severity, key, message)
    return True


def clear_alarm(context: Context, key: str) -> bool:
    """It is right again: whether there was such an alarm."""
    with write_transaction():
        row = Alarm.get_or_none(Alarm.key == key)
        if row is None:
            return False
        Alarm.delete().where(Alarm.key == key).execute()
        tell(context, "info", key, f"This is over: {row.message}")
    return True


def list_alarms(context: Context) -> tuple[AlarmView, ...]:
    """The worst first, then the oldest; for administrators."""
    context.require_admin()
    rows = Alarm.select().order_by(Alarm.severity == Severity.WARNING, Alarm.since, Alarm.key)
    return tuple(AlarmView(row.key, row.severity, row.message, row.fix, row.since, row.changed_at) for row in rows)


def tell(context: Context, severity: str, key: str, message: str) -> None:
    Event.create(at=context.now, severity=severity, source=SOURCE, kind=SOURCE, message=message, detail={"key": key})
