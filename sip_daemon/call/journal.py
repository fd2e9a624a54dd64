"""The record of one call while it is written: what happened when.

Every change of it is submitted with the whole record (`record` says why). The clock of the wall is read once, at the
start; all later times are counted from there, so a clock that is set meanwhile bends no duration.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from sip_daemon.call.cause import CANCELLED, Cause
from sip_daemon.call.dialog_leg import Party
from sip_daemon.call.record import (
    CallChange,
    CallEnded,
    CallRecord,
    CallStarted,
    CallStatus,
    CallUpdated,
    LegRecord,
)

log = logging.getLogger(__name__)


class Journal:
    """`submit` takes the values for `store`; `now` is the monotonic clock."""

    def __init__(
        self,
        call_id: str,
        caller: Party,
        dialled: str,
        *,
        started_at: float,
        now: Callable[[], float],
        submit: Callable[[CallChange], None],
    ) -> None:
        self.record = CallRecord(
            id=call_id,
            started_at=started_at,
            caller_number=caller.number,
            caller_name=caller.name,
            caller_device=caller.device,
            dialled=dialled,
        )
        self._now = now
        self._start = now()
        self._submit = submit
        self._steps: dict[str, float] = {}
        """Milliseconds from the start, by step."""

    @property
    def id(self) -> str:
        return self.record.id

    def mark(self, step: str) -> None:
        """Remember when this step happened first."""
        self._steps.setdefault(step, round((self._now() - self._start) * 1000, 1))

    def started(self, callee_number: str, callee_name: str) -> None:
        """Who is meant is known."""
        self.record = replace(self.record, callee_number=callee_number, callee_name=callee_name)
        self._submit(CallStarted(self.record))

    def rang(self) -> None:
        """A phone rings; only the first counts."""
        self.mark("ringing")
        if self.record.ringing_at is None:
            self.record = replace(self.record, ringing_at=self._time())
            self._submit(CallUpdated(self.record))

    def answered(self) -> None:
        self.mark("answered")
        self.record = replace(self.record, answered_at=self._time(), status=CallStatus.TALKING, sip_status=200)
        self._submit(CallUpdated(self.record))

    def ended(self, cause: Cause, ended_by: str, legs: tuple[LegRecord, ...]) -> None:
        """It is over: the record is complete, and the log gets its one line."""
        self.mark("ended")
        self.record = replace(
            self.record,
            ended_at=self._time(),
            status=self._outcome(cause),
            sip_status=self.record.sip_status or cause.status,
            cause=cause.text,
            ended_by=ended_by,
            detail={"steps_ms": dict(self._steps)},
            legs=legs,
        )
        self._submit(CallEnded(self.record))
        self._log()

    def _outcome(self, cause: Cause) -> CallStatus:
        if cause.outcome is CallStatus.STOPPED:
            return CallStatus.STOPPED
        if self.record.answered_at is not None:
            return CallStatus.ANSWERED
        if cause is CANCELLED and self.record.ringing_at is not None:
            return CallStatus.MISSED
        return cause.outcome

    def _time(self) -> float:
        return self.record.started_at + self._now() - self._start

    def _log(self) -> None:
        record = self.record
        log.info(
            "call %s: %s -> %s %s %s (%s, by %s); %s",
            record.id,
            record.caller_number,
            record.dialled,
            record.status.value,
            record.sip_status,
            record.cause,
            record.ended_by,
            " ".join(f"{step} {milliseconds} ms" for step, milliseconds in self._steps.items()),
        )
