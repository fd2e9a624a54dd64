"""The transaction layer: finds or makes the machine for each message and owns the timers of them all.

The rule: whatever a machine was told, `_settle` follows, which files the machine under its next deadline, or
forgets it when it has ended. There is no other place where a transaction is let go.

Inside the layer: repetitions, 100 after 200 ms, the ACK of a refusal, the answer to a CANCEL, and 503 beyond the
limits. Left to the transaction user: every other answer, merged requests (`find_merged`), repeating a 2xx, and
the ACK of a 2xx.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import cast

from sip_daemon.errors import LocalProtocolError, RemoteProtocolError
from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response, new_tag
from sip_daemon.transaction.admission import Admission
from sip_daemon.transaction.client import ClientTransaction
from sip_daemon.transaction.client_invite import ClientInviteTransaction
from sip_daemon.transaction.client_non_invite import ClientNonInviteTransaction
from sip_daemon.transaction.events import (
    AckReceived,
    CancelReceived,
    Outbox,
    Output,
    RequestReceived,
    StrayResponse,
    TransactionEvent,
)
from sip_daemon.transaction.limits import TransactionCounts, TransactionLimits
from sip_daemon.transaction.matching import client_key, is_legacy, merge_key, server_key, stateless_tag
from sip_daemon.transaction.server import ServerTransaction
from sip_daemon.transaction.server_invite import ServerInviteTransaction
from sip_daemon.transaction.server_non_invite import ServerNonInviteTransaction
from sip_daemon.transaction.tables import State
from sip_daemon.transaction.timers import TimerHeap, TimerValues

logger = logging.getLogger(__name__)

UNMERGED_METHODS = frozenset({"REGISTER", "OPTIONS"})
"""Doing these twice does no harm (RFC 3261 §10.3 orders REGISTERs by CSeq), so they are not remembered for it."""

REFUSALS_PER_WARNING = 1_000
"""A flood must not fill the log too."""


class TransactionLayer:
    """All transactions of the daemon: five doors, and `request`, `respond`, `cancel` for their user."""

    def __init__(self, timers: TimerValues | None = None, limits: TransactionLimits | None = None) -> None:
        self._timer_values = timers if timers is not None else TimerValues()
        self._limits = limits if limits is not None else TransactionLimits()
        self._server: dict[str, ServerTransaction] = {}
        self._client: dict[str, ClientTransaction] = {}
        self._merged: dict[str, ServerTransaction] = {}
        self._by_flow: dict[Flow, set[ClientTransaction | ServerTransaction]] = {}
        self._admission = Admission(self._limits)
        self._refused = 0
        self._timers = TimerHeap()
        self._outbox = Outbox()

    # --- the five doors ---------------------------------------------------------------------------------------

    def receive(self, message: Request | Response, flow: Flow, now: float) -> None:
        """Take a message from the transport.

        Raises `RemoteProtocolError` when a header that identifies a request cannot be read; nothing was kept then.
        """
        if isinstance(message, Response):
            self._receive_response(message, flow, now)
        else:
            self._receive_request(message, flow, now)

    def handle_timer(self, now: float) -> None:
        """Fire every timer that is due."""
        while (item := self._timers.pop_due(now)) is not None:
            machine = cast("ClientTransaction | ServerTransaction", item)
            machine.handle_timer(now)
            self._settle(machine)

    def next_timer(self) -> float | None:
        """When to call `handle_timer`: perhaps too early, never too late."""
        return self._timers.next_deadline()

    def take_outputs(self) -> list[Output]:
        return self._outbox.take_outputs()

    def take_events(self) -> list[TransactionEvent]:
        return self._outbox.take_events()

    # --- for the transaction user -----------------------------------------------------------------------------

    def request(self, request: Request, flow: Flow, now: float) -> ClientTransaction:
        """Send a request with its top Via already in place. An ACK has no transaction; for a CANCEL see `cancel`."""
        if request.method in ("ACK", "CANCEL"):
            raise LocalProtocolError(f"{request.method} cannot start a transaction")
        return self._start_client(request, flow, now)

    def respond(self, transaction: ServerTransaction, response: Response, now: float) -> None:
        """Answer a request; the transaction repeats the answer as its rules demand."""
        transaction.respond(response, now)
        self._settle(transaction)

    def refuse(self, transaction: ServerTransaction, response: Response, now: float) -> None:
        """Answer a request that has no answer yet, once, and keep nothing of it (RFC 3261 §8.2.7).

        For challenges to strangers: a forged source address then draws one answer, not eleven.
        """
        transaction.refuse(response, now)
        self._settle(transaction)

    def ignore(self, transaction: ServerTransaction) -> None:
        """Let a request go without an answer, as if it had not arrived."""
        transaction.abandon()
        self._settle(transaction)

    def cancel(self, transaction: ClientTransaction, now: float, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Cancel an INVITE of ours: after its first provisional response, and not after a final one (§9.1)."""
        if not isinstance(transaction, ClientInviteTransaction):
            raise LocalProtocolError("only an INVITE can be cancelled")
        transaction.cancel(now, headers)
        self._settle(transaction)
        self._send_due_cancel(transaction, now)

    def find_merged(self, transaction: ServerTransaction) -> ServerTransaction | None:
        """An earlier live transaction of the same request that came by another way: answer 482 (§8.2.2.2)."""
        key = transaction.merge_key
        first = self._merged.get(key) if key is not None else None
        return None if first is transaction else first

    def transport_failed(self, flow: Flow, now: float) -> None:
        """A message could not be sent on this flow, or its connection was closed."""
        for machine in tuple(self._by_flow.get(flow, ())):
            machine.transport_failed(now)
            self._settle(machine)

    def counts(self) -> TransactionCounts:
        return TransactionCounts(
            server=len(self._server),
            client=len(self._client),
            half_open=self._admission.half_open,
            refused=self._refused,
        )

    # --- requests ---------------------------------------------------------------------------------------------

    def _receive_request(self, request: Request, flow: Flow, now: float) -> None:
        method = request.method
        key = server_key(request, flow, "INVITE" if method == "ACK" else method)
        transaction = self._server.get(key)
        if method == "ACK":
            self._receive_ack(request, transaction, flow, now)
        elif transaction is not None:
            transaction.receive(request, now)
            self._settle(transaction)
        elif method == "CANCEL":
            self._receive_cancel(request, key, flow, now)
        else:
            self._admit(request, key, flow, now)

    def _receive_ack(self, request: Request, transaction: ServerTransaction | None, flow: Flow, now: float) -> None:
        if isinstance(transaction, ServerInviteTransaction) and (
            not is_legacy(transaction.key) or transaction.to_tag == request.to.tag
        ):
            transaction.receive(request, now)
            self._settle(transaction)
        else:
            self._outbox.events.append(AckReceived(request, flow))

    def _receive_cancel(self, request: Request, key: str, flow: Flow, now: float) -> None:
        invite = self._server.get(server_key(request, flow, "INVITE"))
        if not isinstance(invite, ServerInviteTransaction):
            self._send_stateless(Response.to_request(request, 481, to_tag=stateless_tag(key)), flow)
            return
        transaction = self._start_server(request, key, flow, now)
        tag = invite.to_tag or new_tag()
        self.respond(transaction, Response.to_request(request, 200, to_tag=tag), now)
        if invite.state is State.PROCEEDING and not invite.is_cancelled:
            invite.is_cancelled = True
            self._outbox.events.append(CancelReceived(invite, request))

    def _admit(self, request: Request, key: str, flow: Flow, now: float) -> None:
        if not self._has_room(request, flow):
            self._count_refused(flow)
            response = Response.to_request(request, 503, to_tag=stateless_tag(key))
            response.headers.add("Retry-After", str(self._limits.retry_after))
            self._send_stateless(response, flow)
            return
        # Everything that can fail on a bad header comes before anything is kept.
        merge = merge_key(request) if request.method not in UNMERGED_METHODS else None
        transaction = self._start_server(request, key, flow, now)
        if merge is not None:
            transaction.merge_key = merge
            self._merged.setdefault(merge, transaction)
        self._outbox.events.append(RequestReceived(transaction, request, flow))

    def _start_server(self, request: Request, key: str, flow: Flow, now: float) -> ServerTransaction:
        make = ServerInviteTransaction if request.method == "INVITE" else ServerNonInviteTransaction
        transaction = make(request, flow, now, self._timer_values, self._outbox, key)
        self._server[key] = transaction
        self._admission.started(transaction)
        # The answer to a non-INVITE request on UDP is sent when asked for and needs no news of the transport.
        if transaction.is_invite or flow.transport.is_reliable:
            self._by_flow.setdefault(flow, set()).add(transaction)
        self._timers.schedule(transaction)
        return transaction

    def _has_room(self, request: Request, flow: Flow) -> bool:
        if self._admission.has_room(request, flow, len(self._server)):
            return True
        oldest = self._admission.pop_replaceable(request, flow)
        if oldest is None:
            return False
        oldest.abandon()
        self._settle(oldest)
        return True

    def _count_refused(self, flow: Flow) -> None:
        self._refused += 1
        if self._refused % REFUSALS_PER_WARNING == 1:
            logger.warning("too many transactions, 503 to %s; requests refused so far: %d", flow, self._refused)

    def _send_stateless(self, response: Response, flow: Flow) -> None:
        self._outbox.outputs.append(Output(bytes(response), flow))

    # --- responses and client transactions --------------------------------------------------------------------

    def _receive_response(self, response: Response, flow: Flow, now: float) -> None:
        try:
            key = client_key(response, response.cseq.method) if len(response.vias) == 1 else None
        except RemoteProtocolError as error:
            logger.debug("response from %s dropped: %s", flow, error)
            return
        transaction = self._client.get(key) if key is not None else None
        if transaction is None:
            self._outbox.events.append(StrayResponse(response, flow))
            return
        transaction.receive(response, flow, now)
        self._settle(transaction)
        if isinstance(transaction, ClientInviteTransaction):
            self._send_due_cancel(transaction, now)

    def _send_due_cancel(self, transaction: ClientInviteTransaction, now: float) -> None:
        cancel = transaction.take_cancel()
        if cancel is not None:
            self._start_client(cancel, transaction.flow, now)

    def _start_client(self, request: Request, flow: Flow, now: float) -> ClientTransaction:
        key = client_key(request, request.method)
        if key is None or key in self._client:
            raise LocalProtocolError("a request needs a top Via with a branch of its own")
        make = ClientInviteTransaction if request.method == "INVITE" else ClientNonInviteTransaction
        transaction = make(request, flow, self._timer_values, self._outbox, key)
        self._client[key] = transaction
        self._by_flow.setdefault(flow, set()).add(transaction)
        transaction.start(now)
        self._timers.schedule(transaction)
        return transaction

    # --- filing and forgetting --------------------------------------------------------------------------------

    def _settle(self, machine: ClientTransaction | ServerTransaction) -> None:
        if machine.state is State.TERMINATED:
            self._forget(machine)
            return
        if isinstance(machine, ServerTransaction):
            self._admission.changed(machine)
        self._timers.schedule(machine)

    def _forget(self, machine: ClientTransaction | ServerTransaction) -> None:
        self._timers.discard(machine)
        table = self._server if isinstance(machine, ServerTransaction) else self._client
        if table.get(machine.key) is not machine:
            return  # told something after its end
        del table[machine.key]
        self._leave_flow(machine)
        if isinstance(machine, ServerTransaction):
            self._admission.ended(machine)
            if machine.merge_key is not None and self._merged.get(machine.merge_key) is machine:
                del self._merged[machine.merge_key]

    def _leave_flow(self, machine: ClientTransaction | ServerTransaction) -> None:
        on_flow = self._by_flow.get(machine.flow) if self._by_flow else None
        if on_flow is not None:
            on_flow.discard(machine)
            if not on_flow:
                del self._by_flow[machine.flow]
