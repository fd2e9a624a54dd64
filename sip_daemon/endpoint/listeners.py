"""Who waits for what becomes of a request of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from sip_daemon.transaction import ClientTransaction, ResponseReceived, TimedOut, TransportFailed

ClientEvent: TypeAlias = ResponseReceived | TimedOut | TransportFailed
Listener: TypeAlias = Callable[[ClientEvent], None]


class ClientListeners:
    """A listener for each client transaction, let go when nothing more can come.

    That is after the final response or failure; but further 2xx to an INVITE are to be heard too, so the owner
    lets go of those when the Accepted state is over (RFC 6026 timer M).
    """

    def __init__(self) -> None:
        self._listeners: dict[ClientTransaction, Listener] = {}
        self._accepted: set[ClientTransaction] = set()
        self._answered = asyncio.Event()

    def __len__(self) -> int:
        return len(self._listeners)

    def add(self, transaction: ClientTransaction, listener: Listener) -> None:
        self._listeners[transaction] = listener

    def take(self, event: ClientEvent) -> Listener | None:
        """Who is to hear `event`; let go of if it is the last."""
        transaction = event.transaction
        if not isinstance(transaction, ClientTransaction):
            return None
        listener = self._listeners.get(transaction)
        if not isinstance(event, ResponseReceived) or is_last(event):
            self.forget(transaction)
        return listener

    def accept(self, transaction: ClientTransaction) -> bool:
        """An INVITE got a 2xx; whether that was the first."""
        if transaction in self._accepted or transaction not in self._listeners:
            return False
        self._accepted.add(transaction)
        self._tell_answered()
        return True

    def forget(self, transaction: ClientTransaction) -> None:
        self._listeners.pop(transaction, None)
        self._accepted.discard(transaction)
        self._tell_answered()

    async def wait_answered(self, seconds: float) -> None:
        """Until every request has its final response, at most that long."""
        self._answered.clear()
        self._tell_answered()
        try:
            await asyncio.wait_for(self._answered.wait(), seconds)
        except TimeoutError:
            pass

    def _tell_answered(self) -> None:
        if len(self._listeners) == len(self._accepted):
            self._answered.set()


def is_last(event: ResponseReceived) -> bool:
    """Whether nothing can follow: so it is after any final response, but an INVITE may draw more than one 2xx."""
    status = event.response.status
    return status >= 300 or (status >= 200 and not event.transaction.is_invite)
