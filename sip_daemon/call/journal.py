"""The record of one call while it is written: what happened when.

Every change of it is submitted with the whole record (`record` says why). The clock of the wall is read once, at the
start; all later times are counted from there, so a clock that is set meanwhile bends no duration.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
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
        self._adopted_at: list[float] = []
        """When a restarted daemon took the call up, in Unix seconds."""

    @classmethod
    def resume(
        cls, record: CallRecord, *, wall: float, now: Callable[[], float], submit: Callable[[CallChange], None]
    ) -> Journal:
        """Go on with the record of a call that outlived its process; `wall` is the time of this moment."""
        caller = Party(record.caller_device, "", record.caller_number, record.caller_name)
        journal = cls(record.id, caller, record.dialled, started_at=record.started_at, now=now, submit=submit)
        journal.record = record
        journal._start -= max(0.0, wall - record.started_at)  # the wall's clock may have been set back meanwhile
        journal._steps.update(numbers(record.detail.get("steps_ms")))
        journal._adopted_at = [*earlier_adoptions(record), wall]
        journal.record = replace(record, detail=journal._detail())
        return journal

    def resumed(self) -> None:
        """The call goes on, and its record with it."""
        self._submit(CallUpdated(self.record))

    @property
    def id(self) -> str:
        return self.record.id

    def mark(self, step: str) -> None:
        """Remember when this step happened first."""
        self._steps.setdefault(step, round((self._now() - self._start) * 1000, 1))

    def seconds(self) -> float:
        """Since the call began."""
        return round(self._now() - self._start, 1)

    def started(self, callee_number: str, callee_name: str, route: Sequence[str] = ()) -> None:
        """Who is meant is known; `route` is the plan in words."""
        detail = {"route": list(route)}
        self.record = replace(self.record, callee_number=callee_number, callee_name=callee_name, detail=detail)
        self._submit(CallStarted(self.record))

    def rang(self) -> None:
        """A phone rings; only the first counts."""
        self.mark("ringing")
        if self.record.ringing_at is None:
            self.record = replace(self.record, ringing_at=self._time())
            self._submit(CallUpdated(self.record))

    def answer_record(self) -> CallRecord:
        """What the record will be if the call is answered in this moment."""
        self.mark("answered")
        return replace(
            self.record, answered_at=self._time(), status=CallStatus.TALKING, sip_status=200, detail=self._detail()
        )

    def answered(self, record: CallRecord) -> None:
        """It was; the record is that of `answer_record`."""
        self.record = record
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
            detail=self._detail(),
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

    def _detail(self) -> dict[str, object]:
        detail: dict[str, object] = {**self.record.detail, "steps_ms": dict(self._steps)}
        if self._adopted_at:
            detail["adopted_at"] = list(self._adopted_at)
        return detail

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


def earlier_adoptions(record: CallRecord) -> list[float]:
    """When the call was taken up by restarted daemons so far."""
    times = record.detail.get("adopted_at")
    return [float(time) for time in times if isinstance(time, int | float)] if isinstance(times, list) else []


def numbers(values: object) -> dict[str, float]:
    """What is a number of what should be a mapping to numbers."""
    items = values.items() if isinstance(values, dict) else ()
    return {str(key): float(value) for key, value in items if isinstance(value, int | float)}
