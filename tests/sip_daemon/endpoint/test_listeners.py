from __future__ import annotations

import pytest

from sip_daemon.endpoint.listeners import ClientEvent, ClientListeners
from sip_daemon.flow import Flow, TransportAddress, TransportProtocol
from sip_daemon.message import Request
from sip_daemon.transaction import (
    ClientTransaction,
    ResponseReceived,
    TimedOut,
    TimerValues,
    TransactionLayer,
    TransportFailed,
)
from tests.support.messages import invite, options, response_to

FLOW = Flow(TransportProtocol.UDP, TransportAddress("192.0.2.1", 5060), TransportAddress("192.0.2.10", 5060))


def ignore(_: ClientEvent) -> None:
    """Hears nothing."""


def sent(request: Request) -> tuple[ClientListeners, ClientTransaction]:
    transaction = TransactionLayer(TimerValues()).request(request, FLOW, 0.0)
    listeners = ClientListeners()
    listeners.add(transaction, ignore)
    return listeners, transaction


def response(transaction: ClientTransaction, status: int) -> ResponseReceived:
    return ResponseReceived(transaction, response_to(transaction.request, status), FLOW)


def test_a_provisional_response_leaves_the_listener_in_place() -> None:
    listeners, transaction = sent(invite())
    assert listeners.take(response(transaction, 180)) is ignore
    assert len(listeners) == 1


@pytest.mark.parametrize(("request_", "status"), [(options(), 200), (options(), 404), (invite(), 486)])
async def test_the_final_response_is_the_last_that_is_heard(request_: Request, status: int) -> None:
    listeners, transaction = sent(request_)
    assert listeners.take(response(transaction, status)) is ignore
    assert listeners.take(response(transaction, status)) is None


async def test_a_second_2xx_to_an_invite_is_heard_too() -> None:
    """RFC 6026: each has to be acknowledged."""
    listeners, transaction = sent(invite())
    assert listeners.take(response(transaction, 200)) is ignore
    assert listeners.accept(transaction)
    assert listeners.take(response(transaction, 200)) is ignore
    assert not listeners.accept(transaction)
    listeners.forget(transaction)
    assert listeners.take(response(transaction, 200)) is None


@pytest.mark.parametrize("ending", [TimedOut, TransportFailed])
async def test_after_a_failure_nothing_is_heard(ending: type[TimedOut | TransportFailed]) -> None:
    listeners, transaction = sent(invite())
    assert listeners.take(ending(transaction)) is ignore
    assert listeners.take(response(transaction, 200)) is None


async def test_waiting_ends_when_every_request_has_its_final_response() -> None:
    listeners, transaction = sent(invite())
    assert listeners.take(response(transaction, 200)) is ignore
    assert listeners.accept(transaction)
    await listeners.wait_answered(60.0)


async def test_waiting_ends_in_time_when_there_is_no_answer() -> None:
    listeners, _ = sent(options())
    await listeners.wait_answered(0.01)
    assert len(listeners) == 1
