"""Live calls as JSON values, for people who look at them (`call.list` of the control socket)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from sip_daemon.call.call import Call
from sip_daemon.call.leg import Leg
from sip_daemon.call.routing import RoutePlan, Step, explain
from sip_daemon.errors import MediaError
from sip_daemon.media_plane import MediaStatistics


async def describe_calls(calls: Iterable[Call]) -> list[dict[str, Any]]:
    """All of them, with the counters of their media."""
    return list(await asyncio.gather(*(describe_call(call) for call in calls)))


async def describe_call(call: Call) -> dict[str, Any]:
    record = call.story.journal.record
    legs = [leg for leg in call.story.legs if not leg.is_over]
    return {
        "id": record.id,
        "state": record.status.value,
        "caller": {"number": record.caller_number, "name": record.caller_name, "device": record.caller_device},
        "callee": {"number": record.callee_number or record.dialled, "name": record.callee_name},
        "started_at": record.started_at,
        "answered_at": record.answered_at,
        "legs": list(await asyncio.gather(*(describe_leg(leg) for leg in legs))),
    }


async def describe_leg(leg: Leg) -> dict[str, Any]:
    return {
        "side": leg.side.value,
        "device": leg.party.device,
        "extension": leg.party.extension,
        "transport": leg.flow.transport.value,
        "remote": str(leg.flow.remote),
        "state": leg.state.value,
        "codec": leg.codec,
        "media": await describe_media(leg),
    }


async def describe_media(leg: Leg) -> dict[str, Any] | None:
    """None where there is no session, or its worker does not answer."""
    try:
        counters = await leg.media.statistics()
    except MediaError:
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
