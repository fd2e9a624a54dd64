"""What remains of a call: the values that `store` writes to the tables `call` and `call_leg`.

Each of the three values carries the whole record as it is at that moment, so `store` writes a row by its id,
inserting it where it is missing: a value lost to a full queue is made good by the next one. Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class CallStatus(StrEnum):
    """How a call stands or how it went; column `call.status`."""

    RINGING = "ringing"
    TALKING = "talking"
    ANSWERED = "answered"
    """Over, and somebody talked."""
    MISSED = "missed"
    """Over: nobody answered in time, or the caller gave up while a phone rang."""
    BUSY = "busy"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    """The caller gave up before any phone rang."""
    FAILED = "failed"
    STOPPED = "stopped"
    """Over because the system stopped."""

    @property
    def is_over(self) -> bool:
        return self not in (CallStatus.RINGING, CallStatus.TALKING)


class Side(StrEnum):
    """Which end of a call a leg is; column `call_leg.side`."""

    CALLER = "caller"
    CALLEE = "callee"


@dataclass(frozen=True, slots=True)
class LegRecord:
    """One leg: one row of `call_leg`. The field names are the column names."""

    side: Side
    device: str
    """Username of the device."""
    extension: str
    transport: str
    """UDP, TCP, TLS, WS or WSS."""
    remote: str
    """Address and port of the peer."""
    user_agent: str
    sip_call_id: str
    state: str
    """The leg's last state: answered, cancelled, failed ..."""
    codec: str = ""
    """Name and rate, e.g. PCMA/8000; empty when no media was agreed."""
    media_profile: str = ""
    """RTP/AVP and its kin, as written in the m= line."""
    signalling_secure: bool = False
    media_secure: bool = False
    packets_received: int = 0
    packets_sent: int = 0
    packets_lost: int = 0
    jitter_ms: float = 0.0
    detail: Mapping[str, object] = field(default_factory=dict)
    """JSON values: final status, round trip, dropped packets ..."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call: one row of `call`. The field names are the column names, apart from `legs`."""

    id: str
    """A UUID as text."""
    started_at: float
    caller_number: str
    caller_name: str
    caller_device: str
    dialled: str
    """What the caller dialled."""
    callee_number: str = ""
    callee_name: str = ""
    status: CallStatus = CallStatus.RINGING
    ringing_at: float | None = None
    """When the first phone rang."""
    answered_at: float | None = None
    ended_at: float | None = None
    sip_status: int | None = None
    """The final status that the caller got; 200 for an answered call."""
    cause: str = ""
    """Why it ended, in words for a person."""
    ended_by: str = ""
    """caller, callee, system or admin; empty while it lasts."""
    detail: Mapping[str, object] = field(default_factory=dict)
    """JSON values: the step times in milliseconds from the start."""
    legs: tuple[LegRecord, ...] = ()
    """Only complete in `CallEnded`."""


@dataclass(frozen=True, slots=True)
class CallStarted:
    """A call was accepted and somebody is being called."""

    record: CallRecord


@dataclass(frozen=True, slots=True)
class CallUpdated:
    """A phone rings, or the call was answered."""

    record: CallRecord


@dataclass(frozen=True, slots=True)
class CallEnded:
    """It is over: to be on disk within 100 ms, with its legs."""

    record: CallRecord


@dataclass(frozen=True, slots=True)
class CallTrouble:
    """Something about a call that the people who run the system should know: a row of `event`."""

    record: CallRecord
    at: float
    """Unix seconds."""
    kind: str
    """A word for programs: `one-way-audio`."""
    message: str
    detail: Mapping[str, object] = field(default_factory=dict)


CallChange = CallStarted | CallUpdated | CallEnded
