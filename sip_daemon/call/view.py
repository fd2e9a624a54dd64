"""Live calls as JSON values, for people who look at them (`call.list` of the control socket)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from sip_daemon.call.call import Call
from sip_daemon.call.journal import earlier_adoptions
from sip_daemon.call.leg import Leg, compact
from sip_daemon.call.record import CallRecord
from sip_daemon.call.routing import RoutePlan, Step, explain
from sip_daemon.errors import MediaError
from sip_daemon.media_plane import MediaStatistics

BATCH: Final = 16
"""Calls whose media are asked about at once: other work goes on in between, however many calls there are."""
MEDIA_ANSWER_WITHIN: Final = 2.0
"""Seconds for the counters of all calls; what is not there by then is left out."""
STATISTICS: Final = tuple(each.name for each in fields(MediaStatistics) if each.name != "series")
ADDRESSES: Final = ("remote", "announced")


async def describe_calls(calls: Sequence[Call]) -> list[dict[str, Any]]:
    """All of them, with the counters of their media."""
    deadline = asyncio.get_running_loop().time() + MEDIA_ANSWER_WITHIN
    described: list[dict[str, Any]] = []
    for start in range(0, len(calls), BATCH):
        batch = calls[start : start + BATCH]
        counters = await ask_media(batch, deadline)
        described += [describe_call(call, counters) for call in batch]
    return described


async def ask_media(calls: Sequence[Call], deadline: float) -> Mapping[str, MediaStatistics]:
    """By session id, as far as the workers answer in time."""
    sessions = [leg.session for call in calls for leg in call.story.legs if leg.session is not None]
    left = deadline - asyncio.get_running_loop().time()
    if not sessions or left <= 0:
        return {}
    return await calls[0].story.context.media.statistics(sessions, within=left)


def describe_call(call: Call, counters: Mapping[str, MediaStatistics]) -> dict[str, Any]:
    record = call.story.journal.record
    return {
        "id": record.id,
        "state": record.status.value,
        "caller": {"number": record.caller_number, "name": record.caller_name, "device": record.caller_device},
        "callee": {"number": record.callee_number or record.dialled, "name": record.callee_name},
        "started_at": record.started_at,
        "answered_at": record.answered_at,
        "adopted_at": adopted_at(record),
        "legs": [describe_leg(leg, counters) for leg in call.story.legs if not leg.is_over],
    }


def adopted_at(record: CallRecord) -> float | None:
    """When the signalling process was restarted during it, for the last time."""
    return max(earlier_adoptions(record), default=None)


def describe_leg(leg: Leg, counters: Mapping[str, MediaStatistics]) -> dict[str, Any]:
    known = counters.get(leg.session.id) if leg.session is not None else None
    return {
        "side": leg.side.value,
        "device": leg.party.device,
        "extension": leg.party.extension,
        "transport": leg.flow.transport.value,
        "remote": str(leg.flow.remote),
        "state": leg.state.value,
        "codec": leg.codec,
        "media": statistics_values(known) if known is not None else None,
    }


def statistics_values(counters: MediaStatistics) -> dict[str, Any]:
    """Plain JSON values."""
    values = {name: getattr(counters, name) for name in STATISTICS}
    for name in ADDRESSES:
        values[name] = str(values[name]) if values[name] is not None else None
    return values


async def describe_quality(call: Call) -> dict[str, Any]:
    """How it went so far, leg by leg; None where there is no session, or its worker does not answer in time."""
    legs = [leg for leg in call.story.legs if not leg.is_over]
    series = await asyncio.gather(*(series_of(leg) for leg in legs))
    return {
        "legs": [
            {
                "side": leg.side.value,
                "device": leg.party.device,
                "quality": compact(values),
                "hearing": list(leg.hearing_changes),
            }
            for leg, values in zip(legs, series, strict=True)
        ]
    }


async def series_of(leg: Leg) -> Mapping[str, Any] | None:
    try:
        async with asyncio.timeout(MEDIA_ANSWER_WITHIN):
            return await leg.media.quality()
    except (MediaError, TimeoutError):
        return None


def describe_plan(route: RoutePlan) -> dict[str, Any]:
    """A plan for programs (`steps`) and for people (`text`)."""
    return {
        "callee": {"number": route.callee_number, "name": route.callee_name},
        "steps": [describe_step(step) for step in route.steps],
        "text": explain(route),
    }


def describe_step(step: Step) -> dict[str, Any]:
    values: dict[str, Any] = {"step": type(step).__name__.lower()}
    for name in step.__slots__:
        value = getattr(step, name)
        values[name] = list(value) if isinstance(value, tuple) else value
    return values
