"""Reliable provisional responses as the UAS sends them: RFC 3262 §3.

Theory of operation. Each response gets the next RSeq and goes out. Until its PRACK comes it is repeated after T1, then
at doubled intervals, on every transport: it is end to end. One at a time is outstanding; later ones wait. After 64*T1
without a PRACK it is given up, and the INVITE has to be refused with 5xx.

A final response ends it: nothing is repeated any more and what waits is dropped, but a PRACK for the response that was
outstanding is still right. (Whether a 2xx may go out at all is asked with `is_answer_outstanding`.)

    IDLE          nothing is outstanding
    OUTSTANDING   a response waits for its PRACK
    CLOSING       there was a final response, the PRACK is still due
    CLOSED        there was a final response
    GIVEN_UP      no PRACK came

What the table leaves out is ignored: a PRACK that acknowledges nothing is the caller's to answer with 481.
"""

from __future__ import annotations

import random
from collections import deque
from enum import StrEnum
from math import inf
from typing import ClassVar

from sip_daemon.dialog.machine import Machine, Table
from sip_daemon.dialog.rack import OPTION_TAG, RAck
from sip_daemon.message import Request, Response

FIRST_RSEQ_BITS = 30
"""The first number is random below 2**31, so that it never wraps (RFC 3262 §3)."""


class State(StrEnum):
    IDLE = "idle"
    OUTSTANDING = "outstanding"
    CLOSING = "closing"
    CLOSED = "closed"
    GIVEN_UP = "given up"


class Input(StrEnum):
    PROVISIONAL = "101-199"
    PRACK = "PRACK"
    FINAL = "200-699"
    TIMER_REPEAT = "T1, doubling"
    TIMER_END = "64*T1"


class ReliableProvisionals(Machine):
    """Those of one INVITE. Five doors; `send` and `close` are its user's."""

    __slots__ = (
        "_cseq",
        "_expires_at",
        "_interval",
        "_outputs",
        "_repeat_at",
        "_rseq",
        "_t1",
        "_waiting",
        "outstanding",
    )

    def __init__(self, invite_cseq: int, t1: float) -> None:
        self.state = State.IDLE
        self.outstanding: Response | None = None
        """The response that waits for its PRACK."""
        self._cseq = invite_cseq
        self._t1 = self._interval = t1
        self._rseq = random.getrandbits(FIRST_RSEQ_BITS)
        self._waiting: deque[Response] = deque()
        self._outputs: list[Response] = []
        self._repeat_at = self._expires_at = inf

    @property
    def is_answer_outstanding(self) -> bool:
        """Whether a session description waits for its PRACK: no 2xx may go out before."""
        return self.state is State.OUTSTANDING and self.outstanding is not None and bool(self.outstanding.body)

    def send(self, response: Response, now: float) -> None:
        """Number a provisional response and send it, now or when the one before it was acknowledged."""
        self._feed(Input.PROVISIONAL, response, now)

    def receive(self, prack: Request, now: float) -> bool:
        """Take a PRACK; False when it acknowledges nothing: answer it 481.

        Raises `RemoteProtocolError` (400) without a readable RAck.
        """
        rack = RAck.of(prack)
        if self.outstanding is None or rack != RAck(self._rseq, self._cseq):
            return False
        return self._feed(Input.PRACK, prack, now)

    def close(self, now: float) -> None:
        """A final response goes out."""
        self._feed(Input.FINAL, None, now)

    def handle_timer(self, now: float) -> None:
        if now >= self._expires_at:
            self._feed(Input.TIMER_END, None, now)
        elif now >= self._repeat_at:
            self._feed(Input.TIMER_REPEAT, None, now)

    def next_timer(self) -> float | None:
        due = min(self._repeat_at, self._expires_at)
        return None if due == inf else due

    def take_outputs(self) -> list[Response]:
        """What is to be sent, first copies and repetitions alike."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def _send(self, response: Response, now: float) -> None:
        self._rseq += 1
        response.headers.add("Require", OPTION_TAG)
        response.headers.add("RSeq", str(self._rseq))
        self.outstanding = response
        self._interval = self._t1
        self._repeat_at, self._expires_at = now + self._interval, now + 64 * self._t1
        self._outputs.append(response)

    def _wait(self, response: Response, now: float) -> None:  # noqa: ARG002
        self._waiting.append(response)

    def _repeat(self, message: object, now: float) -> None:  # noqa: ARG002
        if self.outstanding is not None:
            self._outputs.append(self.outstanding)
        self._interval *= 2
        self._repeat_at = now + self._interval

    def _acknowledge(self, prack: Request, now: float) -> None:  # noqa: ARG002
        self._stop(None, now)
        self.outstanding = None
        if self._waiting:
            self._feed(Input.PROVISIONAL, self._waiting.popleft(), now)

    def _stop(self, message: object, now: float) -> None:  # noqa: ARG002
        self._repeat_at = self._expires_at = inf

    def _end(self, message: object, now: float) -> None:
        self._stop(message, now)
        self._waiting.clear()

    TABLE: ClassVar[Table] = {
        State.IDLE: {
            Input.PROVISIONAL: (State.OUTSTANDING, _send),
            Input.FINAL: (State.CLOSED, _end),
        },
        State.OUTSTANDING: {
            Input.PROVISIONAL: (State.OUTSTANDING, _wait),
            Input.TIMER_REPEAT: (State.OUTSTANDING, _repeat),
            Input.PRACK: (State.IDLE, _acknowledge),
            Input.FINAL: (State.CLOSING, _end),
            Input.TIMER_END: (State.GIVEN_UP, _end),
        },
        State.CLOSING: {
            Input.PRACK: (State.CLOSED, _acknowledge),
        },
        State.CLOSED: {},
        State.GIVEN_UP: {},
    }
