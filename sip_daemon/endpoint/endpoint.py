"""Joins the transport and the transactions, and offers both to the transaction users.

The rule: a datagram goes from the socket through parser, transaction and user to the answer's `sendto` in one
synchronous step; no task, no queue, no loop timer belongs to a single message.

A handler may call any method of the endpoint; what that causes is worked off, in order, before the step ends
(`pump`). A `ClientEvent` never reaches its listener before `send_request` has returned.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from sip_daemon.endpoint.addressing import LocalAddressing
from sip_daemon.endpoint.answers import Answers
from sip_daemon.endpoint.hops import MAX_FORWARDS
from sip_daemon.endpoint.identity import Identity
from sip_daemon.endpoint.listeners import ClientEvent, ClientListeners, Listener
from sip_daemon.endpoint.next_hop import leads_to_next_hop
from sip_daemon.endpoint.pump import Pump
from sip_daemon.endpoint.refusal import MalformedAnswerer, add_warning, stateless_tag
from sip_daemon.endpoint.routed_request import RoutedRequest, SentRequest
from sip_daemon.endpoint.router import Router
from sip_daemon.endpoint.source import note_source
from sip_daemon.endpoint.stun_keepalive import BINDING_REQUEST, answer_keepalive
from sip_daemon.endpoint.timers import Handle
from sip_daemon.errors import RemoteProtocolError, TransportError
from sip_daemon.flow import Flow, TransportProtocol
from sip_daemon.message import NameAddress, Request, Response, parse_message
from sip_daemon.trace import NO_TRACE, RECEIVED, Trace
from sip_daemon.transaction import (
    AckReceived,
    CancelReceived,
    ClientTransaction,
    RequestReceived,
    ResponseReceived,
    ServerTransaction,
    StrayResponse,
    TimedOut,
    TimerValues,
    TransactionCounts,
    TransactionEvent,
    TransactionLayer,
    TransportFailed,
)
from sip_daemon.transport import OncePerSource, TransportLayer

logger = logging.getLogger("sip_daemon.endpoint")

T = TypeVar("T")

KEEPALIVE_BYTES = b"\r\n\0"
"""What UDP keep-alives of phones are made of: CRLF (RFC 5626 §4.4.1 for streams, in use everywhere) or zeros."""


class Endpoint:
    """Our side of SIP. Transaction users set the handlers; until then requests are answered 503."""

    def __init__(
        self,
        transport: TransportLayer,
        timers: TimerValues | None = None,
        identity: Identity | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        trace: Trace = NO_TRACE,
    ) -> None:
        self.transport = transport
        self.identity = identity or Identity()
        self.request_handler: Callable[[RequestReceived], None] = self._refuse_unready
        """A request that is neither ACK nor CANCEL. A RemoteProtocolError that it raises becomes the answer."""
        self.ack_handler: Callable[[AckReceived], None] = ignore
        self.cancel_handler: Callable[[CancelReceived], None] = ignore
        self.stray_handler: Callable[[StrayResponse], None] = ignore
        """A response to no request that is known here: perhaps to one of an earlier process."""
        self.flow_closed_handler: Callable[[Flow], None] = ignore
        self.silence_handler: Callable[[Flow], None] = ignore
        """A request of ours on that flow got no final answer, or could not be sent."""
        self.malformed_handler: Callable[[Flow], None] = ignore
        """Something came that is no SIP, or that cannot be answered as such."""
        self._timer_values = timers or TimerValues()
        self._transactions = TransactionLayer(self._timer_values)
        self._addressing = LocalAddressing(transport, self.identity)
        self._clock = clock
        self._pump = Pump(self._transactions, transport, self._dispatch, clock, trace)
        self._trace = trace
        self._answers = Answers(self._addressing, self.identity.user_agent)
        self._malformed = MalformedAnswerer(self._addressing, self.identity.user_agent, self._pump.send)
        self._listeners = ClientListeners()
        self._router = Router(transport, self.now)
        self._log_rate = OncePerSource()
        transport.attach(self)

    # time

    def now(self) -> float:
        """Monotonic seconds."""
        return self._clock()

    def call_later(self, delay: float, callback: Callable[[], None]) -> Handle:
        """Calls `callback` after `delay` seconds, on the one timer that serves everything here."""
        return self._pump.call_later(delay, callback)

    def transaction_counts(self) -> TransactionCounts:
        """How many transactions there are, for the operator."""
        return self._transactions.counts()

    # requests of ours

    def send_request(self, request: Request, flow: Flow, listener: Listener) -> ClientTransaction:
        """Sends a request that is not ACK or CANCEL; `listener` hears each ClientEvent of it, after this returned.

        Puts Via, Max-Forwards and User-Agent into `request`. A flow that is gone is a `TransportFailed`.
        UDP is kept for a large request (RFC 3261 §18.1.1 would turn to TCP above 1300 bytes): a phone that
        registered over UDP behind a NAT can't be reached otherwise. `send_request_to` turns where it can.
        """
        flow = self._complete(request, flow)
        transaction = self._transactions.request(request, flow, self.now())
        self._listeners.add(transaction, listener)
        self._pump.flush()
        return transaction

    def send_request_to(
        self, request: Request, listener: Listener, flow: Flow | None = None, *, patience: float | None = None
    ) -> SentRequest:
        """Sends a request that is not ACK or CANCEL to its next hop (RFC 3261 §8.1.2), at whatever place takes it.

        On `flow` where that leads there: at once, as `send_request` does. Otherwise DNS is asked and one place after
        another tried, over TCP too for what is large (RFC 3263 §4, RFC 3261 §18.1.1); the listener hears what the one
        says that answers. A next hop that cannot be found or reached is a `TransportFailed`.

        `patience` bounds the wait for a first sign of life: after so many seconds `TimedOut` is told. Without it timers
        B and F tell.
        """
        if flow is not None and self._is_way(flow, request):
            if patience is None:
                return SentRequest(self, self.send_request(request, flow, listener))
            return self._route(RoutedRequest(self, self._router, request, listener, ways=[flow], patience=patience))
        return self._route(RoutedRequest(self, self._router, request, listener, near=flow, patience=patience))

    def _is_way(self, flow: Flow, request: Request) -> bool:
        return "Route" not in request.headers or (leads_to_next_hop(flow, request) and self._addressing.is_usable(flow))

    def _route(self, routed: RoutedRequest) -> SentRequest:
        if self._router.is_full:
            routed.give_up()
        else:
            self._router.start(routed)
        return routed

    def send_ack(self, request: Request, flow: Flow) -> None:
        """Sends the ACK for a 2xx (RFC 3261 §13.2.2.4) on that flow. If it gets lost, the 2xx comes again."""
        flow = self._complete(request, flow)
        self._pump.send(bytes(request), flow)

    def send_ack_to(self, request: Request, flow: Flow) -> None:
        """Sends the ACK for a 2xx to its next hop: on `flow`, by which the 2xx came, where that leads there."""
        if self._is_way(flow, request):
            self.send_ack(request, flow)
        elif not self._router.is_full:
            self._router.spawn(self._send_ack_along(request, flow))

    async def _send_ack_along(self, request: Request, near: Flow) -> None:
        try:
            way = (await self._router.ways(request, near))[0]
            self.send_ack(request, way if isinstance(way, Flow) else await self._router.connect(way))
        except TransportError as error:
            logger.info("no ACK can be sent to %s: %s", request.uri.host, error)

    def cancel(self, transaction: ClientTransaction, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Cancels an INVITE of ours as soon as that is allowed; its final response reaches the listener as ever."""
        self._transactions.cancel(transaction, self.now(), headers)
        self._pump.flush()

    def _complete(self, request: Request, flow: Flow) -> Flow:
        """Adds what every request of ours carries; returns the flow that it can really take.

        When there is none, sending fails in a moment, and that is what the listener hears.
        """
        flow = self._addressing.usable(flow)
        headers = request.headers
        headers.remove("Via")
        headers.prepend("Via", self._addressing.via(flow))
        if "Max-Forwards" not in headers:
            headers.add("Max-Forwards", str(MAX_FORWARDS))
        if "User-Agent" not in headers:
            headers.add("User-Agent", self.identity.user_agent)
        return flow

    # answers of ours

    def respond(self, transaction: ServerTransaction, response: Response) -> None:
        """Answers a request; what is repeated is repeated by the transaction, a 2xx to INVITE by `send_again`.

        After a final response another one is dropped (RFC 3261 §17.2.2).
        """
        self._answer(transaction, response, self._transactions.respond)

    def ignore(self, transaction: ServerTransaction) -> None:
        """Lets a request go without an answer, as if it had not come."""
        self._transactions.ignore(transaction)

    def refuse(self, transaction: ServerTransaction, response: Response) -> None:
        """Answers a request that has no answer yet and forgets it: nothing is repeated, no ACK is awaited.

        For challenges and refusals of strangers, whose address may be forged (RFC 3261 §8.2.7).
        """
        self._answer(transaction, response, self._transactions.refuse)

    def put_off(self, event: RequestReceived, seconds: int) -> None:
        """Answers 503: the request may come again after so many seconds (RFC 3261 §21.5.4)."""
        response = Response.to_request(event.request, 503, to_tag=stateless_tag(event.request))
        response.headers.add("Retry-After", str(seconds))
        self.refuse(event.transaction, response)

    def postpone(self, transaction: ServerTransaction) -> None:
        """Leaves a request without an answer, as if it had not arrived: over UDP the peer repeats it."""
        self._transactions.ignore(transaction)

    def send_again(self, response: Response, flow: Flow) -> None:
        """Repeats a 2xx to an INVITE (RFC 3261 §13.3.1.4, RFC 6026 §7.1)."""
        self._pump.send(bytes(response), flow)

    def find_merged(self, transaction: ServerTransaction) -> ServerTransaction | None:
        """An earlier transaction of the same request that came by another way: answer 482 (§8.2.2.2)."""
        return self._transactions.find_merged(transaction)

    def _answer(
        self,
        transaction: ServerTransaction,
        response: Response,
        give: Callable[[ServerTransaction, Response, float], None],
    ) -> None:
        now = self.now()
        if self._answers.prepare(transaction, response, now):
            give(transaction, response, now)
        else:
            self._transactions.ignore(transaction)
        self._pump.flush()

    # addresses

    def contact(self, flow: Flow, user: str = "gosip") -> NameAddress:
        """The Contact by which the peer of `flow`, and only it, reaches us."""
        return self._addressing.contact(flow, user)

    def media_address(self, flow: Flow) -> tuple[str, str]:
        """For RTP towards the peer of `flow`: the local address to bind, and the address to write into SDP."""
        return self._addressing.media_address(flow)

    def can_send(self, flow: Flow) -> bool:
        """Whether there is a way to send anything on `flow`; that it arrives is another matter."""
        return self._addressing.is_usable(flow)

    def is_local(self, host: str) -> bool:
        """Whether a peer at `host` is on the LAN: private, or on a network that this machine is on."""
        return self._addressing.is_local(host)

    # the end

    async def close(self, drain_seconds: float = 2.0) -> None:
        """Stops accepting, waits for the answers to our own requests, closes the sockets."""
        self.transport.stop_listening()
        await self._listeners.wait_answered(drain_seconds)
        self._router.close()
        self._pump.close()
        await self.transport.close()

    # what the transport tells (TransportReceiver)

    def message_received(self, data: bytes, flow: Flow) -> None:
        """One datagram or framed message, from the socket to its answers."""
        try:
            self._receive(data, flow)
        except Exception:
            # A bug of ours must not take the socket's reader with it; the peer hears nothing.
            self._log_bug(flow, "a message")
        self._pump.drain()

    def framing_failed(self, error: RemoteProtocolError, flow: Flow) -> None:
        self._trace.note(f"What came cannot be cut into messages: {error}", flow)
        self._malformed.answer(error, flow, self.now())
        self.malformed_handler(flow)

    def flow_closed(self, flow: Flow) -> None:
        self._transactions.transport_failed(flow, self.now())
        self._guard(self.flow_closed_handler, flow, flow)
        self._pump.drain()

    def connection_news(self, flow: Flow, text: str) -> None:
        self._trace.note(text, flow)

    def flow_failed(self, flow: Flow, error: OSError) -> None:
        self._trace.note(f"The network says: {error.strerror}", flow)
        logger.debug("%s %s", flow, error.strerror, extra={"flow": str(flow)})
        self._transactions.transport_failed(flow, self.now())
        self._pump.drain()

    def _is_keepalive(self, data: bytes, flow: Flow) -> bool:
        """Whether it is nothing else; one in STUN is answered (RFC 5626 §8)."""
        if not data.strip(KEEPALIVE_BYTES):
            return True
        if flow.transport is not TransportProtocol.UDP or not data.startswith(BINDING_REQUEST):
            return False
        answer = answer_keepalive(data, flow.remote)
        if answer is not None:
            self._pump.send(answer, flow)
        return True

    def _receive(self, data: bytes, flow: Flow) -> None:
        if data[:1] in KEEPALIVE_BYTES and self._is_keepalive(data, flow):
            return
        self._trace.add(RECEIVED, data, flow)
        message: Request | Response | None = None
        try:
            message = parse_message(data)
            reply_flow = note_source(message, flow) if isinstance(message, Request) else flow
            self._transactions.receive(message, reply_flow, self.now())
        except RemoteProtocolError as error:
            # What could be parsed but not matched to a transaction is answered as a whole.
            request = message if isinstance(message, Request) else None
            self._malformed.answer(error, flow, self.now(), request=request, size=len(data))
            self.malformed_handler(flow)

    # what the transactions tell

    def _dispatch(self, event: TransactionEvent) -> None:
        match event:
            case RequestReceived():
                self._offer(event)
            case ResponseReceived() | TimedOut() | TransportFailed():
                self._tell(event)
            case AckReceived():
                self._guard(self.ack_handler, event, event.flow)
            case CancelReceived():
                self._guard(self.cancel_handler, event, event.transaction.flow)
            case StrayResponse():
                logger.debug("%s stray response %d", event.flow, event.response.status)
                self._guard(self.stray_handler, event, event.flow)

    def _offer(self, event: RequestReceived) -> None:
        try:
            self.request_handler(event)
        except RemoteProtocolError as error:
            self._answer_error(event, error.status, error.warning)
        except Exception:
            self._log_bug(event.flow, event.request.method)
            self._answer_error(event, 500, None)

    def _answer_error(self, event: RequestReceived, status: int, warning: str | None) -> None:
        response = Response.to_request(event.request, status, to_tag=stateless_tag(event.request))
        add_warning(response, warning, self._addressing.host_for(event.flow))
        # Dropped if the error came up after an answer. A stranger's INVITE must not draw eleven of them, but a peer
        # that got a provisional response repeats its INVITE no more.
        answer = self.respond if event.transaction.has_spoken else self.refuse
        answer(event.transaction, response)

    def _tell(self, event: ClientEvent) -> None:
        listener = self._listeners.take(event)
        if not isinstance(event, ResponseReceived):
            self._guard(self.silence_handler, event.transaction.flow, event.transaction.flow)
        if listener is None:
            logger.debug("nobody waits for %s of %r", type(event).__name__, event.transaction)
            return
        if isinstance(event, ResponseReceived) and 200 <= event.response.status < 300:
            self._keep_accepted(event.transaction)
        self._guard(listener, event, event.transaction.flow)

    def _keep_accepted(self, transaction: ClientTransaction) -> None:
        if transaction.is_invite and self._listeners.accept(transaction):
            self.call_later(self._timer_values.timeout, lambda: self._listeners.forget(transaction))

    def _guard(self, handler: Callable[[T], None], value: T, flow: Flow) -> None:
        """A bug in one transaction user must not silence the others."""
        try:
            handler(value)
        except Exception:
            self._log_bug(flow, type(value).__name__)

    def _refuse_unready(self, event: RequestReceived) -> None:
        self.put_off(event, 5)

    def _log_bug(self, flow: Flow, what: str) -> None:
        if self._log_rate.admit(flow.remote.host, "bug", self.now()) is not None:
            logger.exception("%s: handling %s failed", flow, what, extra={"flow": str(flow)})


def ignore(_: object) -> None:
    """The handler of those who do not care."""
