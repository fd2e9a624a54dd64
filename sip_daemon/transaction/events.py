"""What the transaction layer tells its user, and what it wants sent.

The rule: an event names the transaction, and carries the message that caused it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sip_daemon.flow import Flow
from sip_daemon.message import Request, Response

if TYPE_CHECKING:
    from sip_daemon.transaction.client import ClientTransaction
    from sip_daemon.transaction.server import ServerTransaction


@dataclass(frozen=True, slots=True)
class Output:
    """Bytes of one message and the flow on which they leave."""

    data: bytes
    flow: Flow


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A new request, neither ACK nor CANCEL: the transaction user answers it with `respond`."""

    transaction: ServerTransaction
    request: Request
    flow: Flow


@dataclass(frozen=True, slots=True)
class AckReceived:
    """An ACK that belongs to no rejected INVITE: it confirms a 2xx, and its dialog takes it."""

    request: Request
    flow: Flow
    """On which it came; that of the INVITE when the ACK has the INVITE's branch, as with RFC 2543 phones."""


@dataclass(frozen=True, slots=True)
class CancelReceived:
    """The caller gives up. The CANCEL was answered already; the INVITE still wants its 487 (RFC 3261 §9.2)."""

    transaction: ServerTransaction
    """The INVITE's."""
    request: Request
    """The CANCEL: its Reason header tells why (RFC 3326)."""


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    """A response to a request of ours: every provisional one, the final one, each 2xx to an INVITE again."""

    transaction: ClientTransaction
    response: Response
    flow: Flow


@dataclass(frozen=True, slots=True)
class StrayResponse:
    """A response to nothing we know: a 2xx that comes after everything ended, or noise."""

    response: Response
    flow: Flow


@dataclass(frozen=True, slots=True)
class TimedOut:
    """A client got no final response (timers B, F), or a server INVITE no ACK for its refusal (timer H)."""

    transaction: ClientTransaction | ServerTransaction


@dataclass(frozen=True, slots=True)
class TransportFailed:
    """A message of this transaction could not be sent, or its connection is gone."""

    transaction: ClientTransaction | ServerTransaction


TransactionEvent: TypeAlias = (
    RequestReceived | AckReceived | CancelReceived | ResponseReceived | StrayResponse | TimedOut | TransportFailed
)


class Outbox:
    """Where machines leave what they produce. All machines of a layer share one, so that order is kept."""

    __slots__ = ("events", "outputs")

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self.events: list[TransactionEvent] = []

    def take_outputs(self) -> list[Output]:
        """What is to be sent, in order; each is handed out once."""
        outputs, self.outputs = self.outputs, []
        return outputs

    def take_events(self) -> list[TransactionEvent]:
        """What happened, in order; each is handed out once."""
        events, self.events = self.events, []
        return events
