"""Why a call ended or was refused: one value for the caller's phone, for the record and for a person.

What a called phone said is translated here into what the caller hears: a phone's own 404 or 503 tells of that
phone, not of the number that was dialled, so it never travels through as it came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sip_daemon.call.reason import NO_REASON, Reason
from sip_daemon.call.record import CallStatus
from sip_daemon.errors import SipError


@dataclass(frozen=True, slots=True)
class Cause:
    """The text goes out in Reason headers: it never repeats what a peer sent."""

    status: int
    """SIP status for a caller who is still waiting (RFC 3261 §21)."""
    text: str
    outcome: CallStatus
    """How the record calls it when nobody had answered."""
    q850: int = 31
    """ITU-T Q.850 cause value; 31 is "normal, unspecified"."""
    retry_after: int | None = None
    """Seconds, for a 503 (RFC 3261 §20.33)."""
    sip_cause: int = 0
    """The SIP status that a phone gave as its reason; 0 when it gave none."""
    is_by_phone: bool = False
    """Whether a phone ended it of its own accord."""

    @property
    def reason(self) -> str:
        """A Reason field value; RFC 6432 allows a Q.850 one in every response."""
        q850 = f'Q.850;cause={self.q850};text="{self.text}"'
        return f"{q850}, SIP;cause={self.sip_cause}" if self.sip_cause else q850

    @property
    def cancel_reason(self) -> str:
        """The same for the CANCEL to a phone that rings: one that did not win is to list no missed call."""
        return ELSEWHERE if self.status == 200 or self is COMPLETED_ELSEWHERE else self.reason

    def headers(self) -> list[tuple[str, str]]:
        """The header fields that explain a refusal."""
        fields = [("Reason", self.reason)]
        if self.status == 488:
            fields.append(("Warning", f'399 gosip "{self.text}"'))  # RFC 3261 §13.3.1.3 asks for it
        if self.retry_after is not None:
            fields.append(("Retry-After", str(self.retry_after)))
        return fields


class CallOver(SipError):
    """Leaves the call's story: nothing that was going on matters any more."""

    def __init__(self, cause: Cause, ended_by: str) -> None:
        super().__init__(cause.text)
        self.cause = cause
        self.ended_by = ended_by


NORMAL = Cause(200, "Call over", CallStatus.ANSWERED, q850=16, is_by_phone=True)
CANCELLED = Cause(487, "The caller gave up", CallStatus.CANCELLED, q850=16, is_by_phone=True)
COMPLETED_ELSEWHERE = Cause(487, "Answered elsewhere", CallStatus.CANCELLED, q850=26, is_by_phone=True)
"""The caller is an exchange that called others too, and one of them was first."""
BUSY = Cause(486, "Busy", CallStatus.BUSY, q850=17)
DECLINED = Cause(603, "Declined", CallStatus.DECLINED, q850=21)
INCOMPATIBLE = Cause(488, "The phones have no codec in common", CallStatus.FAILED, q850=88)
NO_ANSWER = Cause(480, "Nobody answered in time", CallStatus.MISSED, q850=19)
NOT_NOW = Cause(480, "The phone does not take calls now", CallStatus.MISSED, q850=18)
NOT_REGISTERED = Cause(480, "No phone is registered for that number", CallStatus.FAILED, q850=20)
UNREACHABLE = Cause(480, "The phone could not be reached", CallStatus.FAILED, q850=20)
NO_MEDIA_PROCESS = Cause(503, "No media process is running", CallStatus.FAILED, q850=41, retry_after=10)
NO_MEDIA_PORT = Cause(503, "No media port is free", CallStatus.FAILED, q850=34, retry_after=10)
MEDIA_LOST = Cause(500, "The media process of this call stopped", CallStatus.FAILED, q850=41)
MEDIA_FAILED = Cause(500, "The media of this call could not be set up", CallStatus.FAILED, q850=41)
INTERNAL_ERROR = Cause(500, "Internal error", CallStatus.FAILED, q850=41)
STOPPED = Cause(503, "The system stopped", CallStatus.STOPPED, q850=41, retry_after=5)
HUNG_UP_BY_ADMIN = Cause(480, "An administrator ended the call", CallStatus.FAILED, q850=31)
NO_ACK = Cause(408, "The caller's phone never confirmed the answer", CallStatus.FAILED, q850=102)
NO_PRACK = Cause(504, "The caller's phone never confirmed that it rings", CallStatus.FAILED, q850=102)
EXPIRED = Cause(408, "The session was not refreshed in time", CallStatus.FAILED, q850=102)
VANISHED = Cause(408, "The phone vanished", CallStatus.FAILED, q850=27)
BAD_ANSWER = Cause(488, "The phone's answer was unusable", CallStatus.FAILED, q850=88)

ELSEWHERE = 'SIP;cause=200;text="Call completed elsewhere"'
"""Sent with CANCEL to the phones that did not win, so that they list no missed call (RFC 3326 §1)."""

_Q850_OF_REFUSAL = {403: 21, 404: 1, 480: 20, 484: 28, 486: 17}
"""ITU-T Q.850 values for what the route plan refuses, as RFC 3398 §8.2.6.1 pairs them with statuses."""

_PRECEDENCE = (DECLINED, BUSY, INCOMPATIBLE, NO_ANSWER, NOT_NOW)


def of_response(status: int, reason: Reason = NO_REASON) -> Cause:
    """What a called phone's final refusal means for the caller; `reason` tells more where the status tells little."""
    match status:
        case 486 | 600:
            return BUSY
        case 603 | 607:
            # 607 "unwanted" (RFC 8197) says to us no more than that the person declined.
            return DECLINED
        case 415 | 488 | 606:
            return INCOMPATIBLE
        case 480:
            return NOT_NOW
        case 408:
            return UNREACHABLE
    return Cause(480, f"The phone answered {status}", CallStatus.FAILED, q850=reason.q850 or 20)


def of_bye(reason: Reason) -> Cause:
    """Why a phone hung up: its reason is told to people and to the other phone (RFC 3326 §3)."""
    if reason.is_normal:
        return NORMAL
    return Cause(
        200,
        f"Call over: {reason.words}",
        CallStatus.ANSWERED,
        q850=reason.q850 or NORMAL.q850,
        sip_cause=reason.sip,
        is_by_phone=True,
    )


def of_cancel(reason: Reason) -> Cause:
    """Why a caller took its INVITE back."""
    is_elsewhere = reason.sip == 200 or reason.q850 == COMPLETED_ELSEWHERE.q850
    return COMPLETED_ELSEWHERE if is_elsewhere else CANCELLED


def of_plan(status: int, text: str) -> Cause:
    """The refusal that a route plan ends with."""
    return Cause(status, text, CallStatus.FAILED, _Q850_OF_REFUSAL.get(status, 31))


def best(causes: Sequence[Cause]) -> Cause:
    """The one to tell the caller when all phones failed, in the manner of RFC 3261 §16.7 step 6."""

    def rank(cause: Cause) -> int:
        return _PRECEDENCE.index(cause) if cause in _PRECEDENCE else len(_PRECEDENCE)

    return min(causes, key=rank, default=NOT_REGISTERED)
