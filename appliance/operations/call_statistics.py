"""How many calls there were, hour by hour: for the dashboard's plot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peewee import fn

from appliance.database.models import Call
from appliance.operations.context import Context
from appliance.operations.history import visible

HOUR = 3600


@dataclass(frozen=True, slots=True)
class HourOfCalls:
    """The calls that began in one hour."""

    start: float
    """Unix seconds, a full hour."""
    answered: int
    missed: int
    """Not answered, for whatever reason; not those that ring right now."""


def calls_per_hour(context: Context, hours: int = 24) -> tuple[HourOfCalls, ...]:
    """The last `hours` hours, oldest first, the current one last; hours without calls are there with zeros."""
    current = int(context.now) // HOUR
    first = current - hours + 1
    hour = (Call.started_at / HOUR).cast("INTEGER")
    query = visible(context).where(Call.started_at >= first * HOUR)
    query = query.select(
        hour.alias("hour"),
        fn.COUNT(Call.answered_at).alias("answered"),
        fn.COUNT(Call.id).alias("total"),
        fn.SUM(Call.ended_at.is_null() & Call.answered_at.is_null()).alias("ringing"),
    ).group_by(hour)
    found = {row.hour: row for row in query}
    return tuple(
        hour_of(number, found[number]) if number in found else HourOfCalls(float(number * HOUR), 0, 0)
        for number in range(first, current + 1)
    )


def hour_of(number: int, row: Any) -> HourOfCalls:
    answered, total, ringing = row.answered, row.total, row.ringing or 0
    return HourOfCalls(float(number * HOUR), answered, total - answered - ringing)
