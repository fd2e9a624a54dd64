"""Live calls as JSON values, for people who look at them (`call.list` of the control socket)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from sip_daemon.call.call import Call
from sip_daemon.call.leg import Leg
from sip_daemon.call.routing import RoutePlan, Step, explain
from sip_daemon.errors import MediaError
from sip_daemon.media_plane import MediaStatistics

BATCH: Final = 8
"""Calls whose media are asked at once: other work goes on in between, however many calls there are."""
MEDIA_ANSWER_WITHIN: Final = 2.0
"""Seconds for the counters of all calls; what is not there by then is left out."""


async def describe_calls(calls: Sequence[Call]) -> list[dict[str, Any]]:
    """All of them, with the counters of their media."""
    deadline = asyncio.get_running_loop().time() + MEDIA_ANSWER_WITHIN
    described: list[dict[str, Any]] = []
    for start in range(0, len(calls), BATCH):
        described += await asyncio.gather(*(describe_call(call, deadline) for call in calls[start : start + BATCH]))
    return described


async def describe_call(call: Call, deadline: float) -> dict[str, Any]:
    record = call.story.journal.record
    legs = [leg for leg in call.story.legs if not leg.is_over]
    return {
        "id": record.id,
        "state": record.status.value,
        "caller": {"number": record.caller_number, "name": record.caller_name, "device": record.caller_device},
        "callee": {"number": record.callee_number or record.dialled, "name": record.callee_name},
        "started_at": record.started_at,
        "answered_at": record.answered_at,
        "legs": list(await asyncio.gather(*(describe_leg(leg, deadline) for leg in legs))),
    }


async def describe_leg(leg: Leg, deadline: float) -> dict[str, Any]:
    return {
        "side": leg.side.value,
        "device": leg.party.device,
        "extension": leg.party.extension,
        "transport": leg.flow.transport.value,
        "remote": str(leg.flow.remote),
        "state": leg.state.value,
        "codec": leg.codec,
        "media": await describe_media(leg, deadline),
    }


async def describe_media(leg: Leg, deadline: float) -> dict[str, Any] | None:
    """None where there is no session, or its worker does not answer in time."""
    try:
        async with asyncio.timeout_at(deadline):
            counters = await leg.media.statistics()
    except (MediaError, TimeoutError):
        return None
    return statistics_values(counters)


def statistics_values(counters: MediaStatistics) -> dict[str, Any]:
    return {
        "packets_received": counters.packets_received,
        "packets_sent": counters.packets_sent,
        "packets_lost": counters.packets_lost,
        "bytes_received": counters.bytes_received,
        "bytes_sent": counters.bytes_sent,
        "jitter_ms": counters.jitter_ms,
        "rtt_ms": counters.rtt_ms,
        "dropped_source": counters.dropped_source,
        "dropped_malformed": counters.dropped_malformed,
        "codec": counters.codec,
        "remote": str(counters.remote) if counters.remote is not None else None,
    }


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
