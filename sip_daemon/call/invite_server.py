"""The end of an INVITE that answers, the first of a call or a later one (RFC 3261 §13.3, §14.2; RFC 3262).

Theory of operation. `InviteServer` says how things stand, and repeats its 200 until the ACK comes: end to end, over a
reliable transport too. It does not know what the media are about; the transaction below repeats everything else.

A caller that requires 100rel gets each provisional response reliably. While one with a session description waits for
its PRACK no 200 may go out (RFC 3262 §3): it is held back.

    PROCEEDING    no final response was given
    HELD          our 200 waits for the PRACK of the answer that was given before
    ACCEPTED      our 200 waits for its ACK
    CONFIRMED     the ACK came
    REFUSED       a final response other than 2xx went out
    UNCONFIRMED   no ACK came for 64*T1
    ABANDONED     the dialog is gone: what still comes is of no interest

What the table leaves out is ignored: whatever follows a final response, a repeated ACK.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import ClassVar

from sip_daemon.call.capabilities import ACCEPT, ALLOW, SUPPORTED
from sip_daemon.call.repetition import Repetition
from sip_daemon.dialog import ReliableProvisionals
from sip_daemon.dialog.machine import Machine, Table
from sip_daemon.dialog.rack import OPTION_TAG
from sip_daemon.endpoint import Endpoint, Handle
from sip_daemon.errors import LocalProtocolError
from sip_daemon.message import NameAddress, Request, Response, new_tag
from sip_daemon.transaction import ServerTransaction, TimerValues

HeaderFields = Sequence[tuple[str, str]]

ALLOWED = ", ".join(ALLOW)
SUPPORTS = ", ".join(sorted(SUPPORTED))


class ServerState(StrEnum):
    """How far the answering end is."""

    PROCEEDING = "proceeding"
    HELD = "held"
    ACCEPTED = "accepted"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    UNCONFIRMED = "unconfirmed"
    ABANDONED = "abandoned"


class ServerInput(StrEnum):
    """What can move it."""

    PROGRESS = "101-199"
    ACCEPT = "200"
    HOLD = "200, before the PRACK"
    REFUSE = "300-699"
    PRACK = "PRACK"
    UNACKNOWLEDGED = "no PRACK for 64*T1"
    ACK = "ACK"
    TIMER_REPEAT = "T1, doubling to T2"
    TIMER_END = "64*T1"
    ABANDON = "the dialog ends"


class InviteServer(Machine):
    """The answering end. `confirmed` is called with the ACK, or with None when none came in time; `unacknowledged`
    when a reliable provisional response got no PRACK: it is to be refused with 5xx then (RFC 3262 §3)."""

    __slots__ = (
        "_confirmed",
        "_contact",
        "_cseq",
        "_endpoint",
        "_reliable",
        "_reminder",
        "_repetition",
        "_request",
        "_success",
        "_tag",
        "_timers",
        "_transaction",
        "_unacknowledged",
        "has_answered",
        "last_response",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        timers: TimerValues,
        transaction: ServerTransaction,
        *,
        tag: str,
        contact: NameAddress,
        confirmed: Callable[[Request | None], None],
        unacknowledged: Callable[[], None],
    ) -> None:
        self._transaction: ServerTransaction | None = transaction
        self._request: Request | None = transaction.request
        self._cseq = transaction.request.cseq.number
        self.state = ServerState.PROCEEDING
        self.last_response: Response | None = None
        """The last one that carried our tag: a dialog is made of it."""
        self.has_answered = False
        """Whether a reliable provisional response carried our session description: the 200 does not repeat it."""
        self._endpoint = endpoint
        self._timers = timers
        self._tag = tag
        self._contact = str(contact)
        self._confirmed = confirmed
        self._unacknowledged = unacknowledged
        self._success: Response | None = None
        """Our 200, from when it is written."""
        self._repetition: Repetition | None = None
        self._reminder: Handle | None = None
        self._reliable = self._make_reliable()

    def _make_reliable(self) -> ReliableProvisionals | None:
        if OPTION_TAG not in self.request.require:
            return None
        return ReliableProvisionals(self._cseq, self._timers.t1)

    @property
    def request(self) -> Request:
        """The INVITE, as long as anything may have to be said to it. Raises `LocalProtocolError` afterwards."""
        if self._request is None:
            raise LocalProtocolError("the INVITE was answered and acknowledged")
        return self._request

    @property
    def transaction(self) -> ServerTransaction:
        """That of the INVITE. Raises `LocalProtocolError` when `request` does."""
        if self._transaction is None:
            raise LocalProtocolError("the INVITE was answered and acknowledged")
        return self._transaction

    def answers(self, transaction: ServerTransaction) -> bool:
        """Whether it is the INVITE of that transaction to which an answer is still to be given."""
        return self._transaction is transaction and not self.is_final

    @property
    def is_reliable(self) -> bool:
        """Whether provisional responses are acknowledged by PRACK."""
        return self._reliable is not None

    @property
    def is_final(self) -> bool:
        """Whether a final response went out."""
        return self.state not in (ServerState.PROCEEDING, ServerState.HELD)

    @property
    def is_decided(self) -> bool:
        """Whether the final response is settled, though it may still be held back."""
        return self.state is not ServerState.PROCEEDING

    @property
    def is_settled(self) -> bool:
        """Whether another INVITE may follow: refused, or acknowledged, or given up."""
        return self.state not in (ServerState.PROCEEDING, ServerState.HELD, ServerState.ACCEPTED)

    # What our side says

    def trying(self) -> None:
        """Answer 100: it has no tag and makes no dialog (RFC 3261 §8.2.6.1)."""
        self._endpoint.respond(self.transaction, Response.to_request(self.request, 100))

    def progress(self, status: int, body: bytes = b"") -> None:
        """A provisional response of the early dialog; nothing once there was a final one."""
        if self.state is ServerState.PROCEEDING:
            self._feed(ServerInput.PROGRESS, self._make_response(status, body))

    def write_success(self, body: bytes, headers: HeaderFields = ()) -> None:
        """Write the 200, to be sent by `accept`: what must outlive us is kept in between."""
        response = self._make_response(200, b"" if self.has_answered else body)
        response.headers.set("Allow", ALLOWED)
        response.headers.set("Supported", SUPPORTS)
        response.headers.set("Accept", ACCEPT)
        for name, value in headers:
            response.headers.set(name, value)
        self._success = response

    def accept(self) -> None:
        """Send the 200 that was written, and repeat it until it is acknowledged (RFC 3261 §13.3.1.4)."""
        if self._success is not None:
            is_held = self._reliable is not None and self._reliable.is_answer_outstanding
            self._feed(ServerInput.HOLD if is_held else ServerInput.ACCEPT)

    @property
    def pending_answer(self) -> Response | None:
        """The final answer that the peer still needs, should another process have to give it.

        That is a 200 whose ACK has not come, or a 500 to an INVITE that is undecided: whoever decides it dies with us.
        """
        match self.state:
            case ServerState.PROCEEDING if self._success is None:
                response = Response.to_request(self.request, 500, to_tag=self._tag)
                response.headers.set("Retry-After", "1")
                return response
            case ServerState.PROCEEDING | ServerState.HELD | ServerState.ACCEPTED:
                return self._success
            case _:
                return None

    def branch_off(self) -> None:
        """Answer as another user agent from now on: what follows belongs to a dialog of its own (RFC 3261 §12.1).

        A forking proxy would look the same to the phone, which takes the answer in the new dialog for the first one.
        """
        self._tag = new_tag()
        self.has_answered = False
        self._stop_reminding()
        self._reliable = self._make_reliable()

    def refuse(self, status: int, headers: HeaderFields = (), reason: str | None = None) -> None:
        """A final response other than 200; nothing if there was one already."""
        if self.is_final:
            return
        response = Response.to_request(self.request, status, reason, to_tag=self._tag)
        for name, value in headers:
            response.headers.add(name, value)
        self._feed(ServerInput.REFUSE, response)

    # What the peer says

    def acknowledge(self, ack: Request) -> bool:
        """Take an ACK, if it is for our 200."""
        if ack.cseq.number != self._cseq:
            return False
        self._feed(ServerInput.ACK, ack)
        return True

    def receive_prack(self, prack: Request, answer: Callable[[], None]) -> bool:
        """Take a PRACK; False when it acknowledges nothing: answer it 481 (RFC 3262 §3).

        It is answered by `answer`, before what had to wait for it goes out.
        """
        if self._reliable is None or not self._reliable.receive(prack, self._endpoint.now()):
            return False
        answer()
        self._feed(ServerInput.PRACK)
        return True

    def abandon(self) -> None:
        """Stop repeating: the dialog is gone."""
        self._feed(ServerInput.ABANDON)

    # The works

    def _make_response(self, status: int, body: bytes) -> Response:
        response = Response.to_request(self.request, status, to_tag=self._tag)
        # A response that makes a dialog mirrors the route that it came by (RFC 3261 §12.1.1).
        for value in self.request.headers.get_all("Record-Route"):
            response.headers.add("Record-Route", value)
        response.headers.set("Contact", self._contact)
        if body:
            response.headers.set("Content-Type", ACCEPT)
            response.body = body
        self.last_response = response
        return response

    def _progress(self, response: Response, now: float) -> None:  # noqa: ARG002
        if self._reliable is None:
            self._endpoint.respond(self.transaction, response)
            return
        response.headers.set("Allow", ALLOWED)  # so that the caller knows that it may UPDATE (RFC 3311 §5.1)
        self.has_answered = self.has_answered or bool(response.body)
        self._reliable.send(response, self._endpoint.now())
        self._work_off(self._reliable)

    def _acknowledged(self, message: object, now: float) -> None:  # noqa: ARG002
        if self._reliable is not None:
            self._work_off(self._reliable)

    def _work_off(self, reliable: ReliableProvisionals) -> None:
        """Send what is due, and wait for what comes next."""
        for response in reliable.take_outputs():
            self._endpoint.respond(self.transaction, response)
        self._stop_reminding()
        due = reliable.next_timer()
        if due is not None:
            self._reminder = self._endpoint.call_later(due - self._endpoint.now(), self._remind)

    def _remind(self) -> None:
        """The PRACK is late."""
        if self._reliable is None:
            return
        self._reliable.handle_timer(self._endpoint.now())
        self._work_off(self._reliable)
        if self._reliable.next_timer() is None:
            self._feed(ServerInput.UNACKNOWLEDGED)

    def _give_up(self, message: object, now: float) -> None:  # noqa: ARG002
        self._unacknowledged()

    def _accept(self, message: object, now: float) -> None:  # noqa: ARG002
        self._close_provisionals()
        if self._success is not None:
            self._endpoint.respond(self.transaction, self._success)
            self._repetition = Repetition(self._endpoint, self._timers, self._send_again, self._expired)

    def _refuse(self, response: Response, now: float) -> None:  # noqa: ARG002
        self._close_provisionals()
        self._endpoint.respond(self.transaction, response)
        self._let_go()

    def _close_provisionals(self) -> None:
        if self._reliable is not None:
            self._reliable.close(self._endpoint.now())
            self._stop_reminding()

    def _stop_reminding(self) -> None:
        if self._reminder is not None:
            self._reminder.cancel()
            self._reminder = None

    def _send_again(self) -> None:
        self._feed(ServerInput.TIMER_REPEAT)

    def _expired(self) -> None:
        self._feed(ServerInput.TIMER_END)

    def _repeat(self, message: object, now: float) -> None:  # noqa: ARG002
        if self._success is not None:
            self._endpoint.send_again(self._success, self.transaction.flow)

    def _confirm(self, ack: Request | None, now: float) -> None:  # noqa: ARG002
        self._stop_repeating()
        self._confirmed(ack)
        self._let_go()

    def _stop(self, message: object, now: float) -> None:  # noqa: ARG002
        self._stop_repeating()
        self._let_go()

    def _stop_repeating(self) -> None:
        if self._repetition is not None:
            self._repetition.stop()
            self._repetition = None

    def _let_go(self) -> None:
        """It is over. A call may last for hours: what made it is not kept in memory for so long. And whoever listened
        has us: a circle of references would be freed by the garbage collector only, some time."""
        self._request = self._transaction = self._success = self.last_response = None
        self._confirmed, self._unacknowledged = nobody_asks, nobody_waits

    TABLE: ClassVar[Table] = {
        ServerState.PROCEEDING: {
            ServerInput.PROGRESS: (ServerState.PROCEEDING, _progress),
            ServerInput.PRACK: (ServerState.PROCEEDING, _acknowledged),
            ServerInput.ACCEPT: (ServerState.ACCEPTED, _accept),
            ServerInput.HOLD: (ServerState.HELD, None),
            ServerInput.REFUSE: (ServerState.REFUSED, _refuse),
            ServerInput.UNACKNOWLEDGED: (ServerState.PROCEEDING, _give_up),
        },
        ServerState.HELD: {
            ServerInput.PRACK: (ServerState.ACCEPTED, _accept),
            ServerInput.REFUSE: (ServerState.REFUSED, _refuse),
            ServerInput.UNACKNOWLEDGED: (ServerState.HELD, _give_up),
        },
        ServerState.ACCEPTED: {
            ServerInput.ACK: (ServerState.CONFIRMED, _confirm),
            ServerInput.TIMER_REPEAT: (ServerState.ACCEPTED, _repeat),
            ServerInput.TIMER_END: (ServerState.UNCONFIRMED, _confirm),
            ServerInput.ABANDON: (ServerState.ABANDONED, _stop),
        },
        ServerState.CONFIRMED: {},
        ServerState.REFUSED: {},
        ServerState.UNCONFIRMED: {},
        ServerState.ABANDONED: {},
    }


def nobody_asks(ack: Request | None) -> None:
    """Who is told of an ACK after the end."""


def nobody_waits() -> None:
    """Who is told that a PRACK is missing after the end."""
