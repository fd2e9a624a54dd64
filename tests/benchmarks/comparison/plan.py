"""How long and how much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plan:
    """Seconds, unless the name says otherwise. The defaults are the full measurement."""

    runs: int = 3
    register_rate: int = 1500
    """REGISTERs a second that every server gets: CPU time is compared at equal load, below the limit of the slowest."""
    register_seconds: float = 5
    sustained_seconds: float = 3
    """For the highest rate, with `window` operations under way all the time."""
    window: int = 64
    phones: int = 1000
    call_rate: int = 60
    call_seconds: float = 6
    call_hold_ms: int = 100
    delay_rate: int = 20
    """Calls a second for the post-dial delay: an unloaded server."""
    delay_seconds: float = 6
    held_calls: int = 2300
    """So many that the last of them come some time after the transactions of the first have faded."""
    relay_calls: int = 300
    relay_seconds: float = 5
    most_relay_calls: int = 700
    """As many as the generator sends and receives in time; half of a server's capacity is measured up to this."""
    starts: int = 5
    memory_phones: int = 20000
    idle_phones: int = 1000
    fade_seconds: float = 34
    """Until the transactions of an operation are forgotten: timers H and J are 32 s (RFC 3261 table 4)."""
    idle_seconds: float = 10


def quick() -> Plan:
    """To see that everything works: the figures mean little."""
    return Plan(
        runs=1,
        register_rate=1000,
        register_seconds=1.5,
        sustained_seconds=1,
        call_rate=40,
        call_seconds=1.5,
        delay_seconds=1.5,
        held_calls=250,
        relay_calls=50,
        relay_seconds=1.5,
        most_relay_calls=150,
        starts=1,
        memory_phones=2000,
        idle_phones=200,
        fade_seconds=1,
        idle_seconds=2,
    )
