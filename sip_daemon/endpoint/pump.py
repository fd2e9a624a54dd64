"""Works off what the transaction layer wants sent and told, and wakes it in time.

The rule: outputs and events alternate until there are none of either, within the step that caused them. What a
transaction user does from within a handler joins that step; what it does outside of one is sent at once, and its
events come in a step of their own, so that nobody is called back before his own call has returned.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from sip_daemon.endpoint.alarm import Alarm
from sip_daemon.endpoint.timers import Handle, TimerHeap
from sip_daemon.errors import TransportError
from sip_daemon.flow import Flow
from sip_daemon.trace import NO_TRACE, SENT, Trace
from sip_daemon.transaction import TransactionEvent, TransactionLayer
from sip_daemon.transport import TransportLayer

logger = logging.getLogger("sip_daemon.endpoint")


class Pump:
    """Moves outputs to the transport and events to `dispatch`; owns the one timer of the loop."""

    def __init__(
        self,
        transactions: TransactionLayer,
        transport: TransportLayer,
        dispatch: Callable[[TransactionEvent], None],
        clock: Callable[[], float],
        trace: Trace = NO_TRACE,
    ) -> None:
        self._transactions = transactions
        self._transport = transport
        self._dispatch = dispatch
        self._clock = clock
        self._trace = trace
        self._loop = asyncio.get_running_loop()
        self._events: deque[TransactionEvent] = deque()
        self._timers = TimerHeap()
        self._alarm = Alarm(clock, self._woken)
        self._is_draining = False
        self._is_drain_due = False
        self._is_closed = False

    def call_later(self, delay: float, callback: Callable[[], None]) -> Handle:
        handle = self._timers.call_at(self._clock() + delay, callback)
        if not self._is_draining:
            self._arm()
        return handle

    def send(self, data: bytes, flow: Flow) -> None:
        """Sends what belongs to no transaction; a failure is only logged."""
        try:
            self._transport.send(data, flow)
        except TransportError as error:
            self._not_sent(data, flow, error)
        else:
            self._trace.add(SENT, data, flow)

    def flush(self) -> None:
        """Sends what is due now. Events wait for the step that is under way, or for one of their own."""
        if self._is_draining:
            return
        self._send_outputs()
        self._events.extend(self._transactions.take_events())
        if self._events and not self._is_drain_due:
            self._is_drain_due = True
            self._loop.call_soon(self.drain)
        self._arm()

    def drain(self) -> None:
        """One whole step; within one, nothing."""
        if self._is_draining or self._is_closed:
            return
        self._is_draining, self._is_drain_due = True, False
        try:
            while True:
                self._send_outputs()
                self._events.extend(self._transactions.take_events())
                if not self._events:
                    break
                self._dispatch(self._events.popleft())
        finally:
            self._is_draining = False
            self._arm()

    def close(self) -> None:
        self._is_closed = True
        self._alarm.close()

    def _send_outputs(self) -> None:
        # A failed send makes the transactions of that flow fail, which may want something else sent.
        while outputs := self._transactions.take_outputs():
            for output in outputs:
                try:
                    self._transport.send(output.data, output.flow)
                except TransportError as error:
                    self._not_sent(output.data, output.flow, error)
                    self._transactions.transport_failed(output.flow, self._clock())
                else:
                    self._trace.add(SENT, output.data, output.flow)

    def _not_sent(self, data: bytes, flow: Flow, error: TransportError) -> None:
        logger.debug("%s not sent: %s", flow, error, extra={"flow": str(flow)})
        first, *rest = data[:80].decode("ascii", "replace").split(" ", 2)
        what = rest[0] if first.startswith("SIP/") and rest else first
        self._trace.note(f"{what} not sent: {error}", flow)

    def _arm(self) -> None:
        if not self._is_closed:
            own, theirs = self._timers.next_timer(), self._transactions.next_timer()
            self._alarm.set(theirs if own is None else own if theirs is None else min(own, theirs))

    def _woken(self) -> None:
        now = self._clock()
        self._transactions.handle_timer(now)
        while (callback := self._timers.take_due(now)) is not None:
            try:
                callback()
            except Exception:
                logger.exception("a timer's callback failed")
        self.drain()
