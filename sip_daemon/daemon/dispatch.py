"""Hands each request to its transaction user: REGISTER to the registrar, all else to the calls."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final

from sip_daemon.authentication import Authenticated, Verdict
from sip_daemon.call.manager import CallManager
from sip_daemon.defence import Defence, Overload
from sip_daemon.endpoint import Endpoint
from sip_daemon.flow import Flow
from sip_daemon.reachability import Reachability
from sip_daemon.registrar import BindingChange, BindingEvent, LocationTable, Registrar
from sip_daemon.trace import NO_TRACE, Trace
from sip_daemon.transaction import RequestReceived

log = logging.getLogger(__name__)

APPEARED = (BindingEvent.REGISTERED, BindingEvent.REFRESHED)
AUTHENTICATED: Final = frozenset({"REGISTER", "INVITE"})
"""Of these the defence hears what became of their credentials."""


class Dispatcher:
    """The endpoint's handlers. `store` takes what changed in the location table."""

    def __init__(
        self,
        endpoint: Endpoint,
        registrar: Registrar,
        locations: LocationTable,
        calls: CallManager,
        store: Callable[[BindingChange], None],
        defence: Defence,
        overload: Overload,
        trace: Trace = NO_TRACE,
    ) -> None:
        self.reachability = Reachability(endpoint, locations, self.note)
        self._endpoint = endpoint
        self._registrar = registrar
        self._locations = locations
        self._calls = calls
        self._store = store
        self._trace = trace
        self._defence = defence
        self._overload = overload
        registrar.judged = calls.judged = self._judge

    def attach(self) -> None:
        """From now on requests are answered."""
        self._endpoint.ack_handler = self._calls.handle_ack
        self._endpoint.cancel_handler = self._calls.handle_cancel
        self._endpoint.stray_handler = self._calls.handle_stray
        self._endpoint.flow_closed_handler = self._close_flow
        self._endpoint.silence_handler = self.reachability.doubt
        for binding in self._locations.snapshot():
            self.reachability.follow(binding)
        self._endpoint.malformed_handler = self._defence.malformed
        self._endpoint.request_handler = self._handle

    def note(self, changes: Iterable[BindingChange]) -> None:
        """Tell of changed bindings: to the store, and to whoever reads the log."""
        for change in changes:
            binding = change.binding
            # A phone that is still there is no news, and a thousand of them would fill the log with it.
            log.log(
                logging.DEBUG if change.event is BindingEvent.REFRESHED else logging.INFO,
                "%s %s",
                binding.username,
                change.event.value,
                extra={"contact": binding.contact, "flow": binding.flow},
            )
            self._store(change)
            if change.event in APPEARED:
                self.reachability.follow(binding)

    def _handle(self, event: RequestReceived) -> None:
        request = event.request
        if request.to.tag is None:
            if not self._defence.admits(request, event.flow):
                self._endpoint.ignore(event.transaction)
                return
            seconds = self._overload.puts_off(request, event.flow)
            if seconds is not None:
                self._endpoint.put_off(event, seconds)
                return
            if request.method not in AUTHENTICATED:
                self._defence.asked(event.flow)
        if request.method == "REGISTER":
            self._register(event)
        else:
            self._calls.handle_request(event)

    def _judge(self, verdict: Verdict, flow: Flow) -> None:
        if flow.connection and isinstance(verdict, Authenticated):
            self._endpoint.transport.trust(flow)
        self._defence.judged(verdict, flow)

    def _register(self, event: RequestReceived) -> None:
        outcome = self._registrar.handle(event.request, event.flow, self._endpoint.now())
        if outcome.denied is not None:
            log.warning("registration refused: %s", outcome.denied, extra={"source": event.flow.remote.host})
        if outcome.response.status >= 300:
            # Whoever sent it has proven nothing, and its address may be forged: nothing is kept (RFC 3261 §8.2.7).
            self._endpoint.refuse(event.transaction, outcome.response)
        else:
            self._trace.know(event.flow.remote.host)
            self._endpoint.respond(event.transaction, outcome.response)
        self.note(outcome.changes)

    def _close_flow(self, flow: Flow) -> None:
        self.note(self._locations.flow_closed(flow))
        self._calls.handle_flow_closed(flow)
