"""Whether one more request may come in: the counting behind `TransactionLimits`.

The rule: what is counted in is counted out by the same object. `started` and `ended` come once for each transaction,
`changed` as often as one likes.
"""

from __future__ import annotations

from collections import deque

from sip_daemon.flow import Flow
from sip_daemon.message import Request
from sip_daemon.transaction.limits import TransactionLimits
from sip_daemon.transaction.server import ServerTransaction
from sip_daemon.transaction.tables import State


class Admission:
    """Counts what is half-open and decides whether one more request may come in."""

    __slots__ = ("_answered", "_by_source", "_limits")

    def __init__(self, limits: TransactionLimits) -> None:
        self._limits = limits
        self._by_source: dict[str, int] = {}
        self._answered: deque[ServerTransaction] = deque()
        """Completed non-INVITE transactions, oldest first: timer J is the same for all, so they end in this order."""

    @property
    def half_open(self) -> int:
        return sum(self._by_source.values())

    def started(self, transaction: ServerTransaction) -> None:
        """Every new server transaction is half-open."""
        host = transaction.flow.remote.host
        self._by_source[host] = self._by_source.get(host, 0) + 1

    def changed(self, transaction: ServerTransaction) -> None:
        """Count it out once its state shows that the peer is there, or that it has ended."""
        if not transaction.is_half_open or transaction.state in transaction.HALF_OPEN:
            return
        transaction.is_half_open = False
        host = transaction.flow.remote.host
        left = self._by_source[host] - 1
        if left:
            self._by_source[host] = left
        else:
            del self._by_source[host]
        if transaction.state is State.COMPLETED:
            self._answered.append(transaction)

    def ended(self, transaction: ServerTransaction) -> None:
        """It has terminated."""
        self.changed(transaction)
        while self._answered and self._answered[0].state is State.TERMINATED:
            self._answered.popleft()

    def has_room(self, request: Request, flow: Flow, held: int) -> bool:
        """Whether a new request may come in while `held` server transactions are kept."""
        limits = self._limits
        if held < limits.max_server_transactions and self._is_source_within(flow):
            return True
        return _belongs_to_dialog(request) and held < limits.max_server_transactions + limits.dialog_reserve

    def pop_replaceable(self, request: Request, flow: Flow) -> ServerTransaction | None:
        """The transaction to give up for a request that finds no room; None when it is to be refused."""
        if not self._is_source_within(flow) and not _belongs_to_dialog(request):
            return None
        while self._answered:
            transaction = self._answered.popleft()
            if transaction.state is State.COMPLETED:
                return transaction
        return None

    def _is_source_within(self, flow: Flow) -> bool:
        return self._by_source.get(flow.remote.host, 0) < self._limits.max_half_open_per_source


def _belongs_to_dialog(request: Request) -> bool:
    # Not a re-INVITE: its refusal would be repeated until an ACK that a forged address never sends.
    return request.method != "INVITE" and request.to.tag is not None
