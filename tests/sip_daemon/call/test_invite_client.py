"""The asking end of an INVITE, row by row: RFC 3261 §13.2.2, RFC 3262 §4."""

from __future__ import annotations

from typing import cast

import pytest

from sip_daemon.call.invite_client import MAX_ANSWERS, ClientInput, ClientState, InviteClient
from sip_daemon.dialog import Dialog
from sip_daemon.endpoint import Endpoint
from sip_daemon.message import Response
from sip_daemon.transaction import ClientTransaction, ResponseReceived, TimedOut, TransportFailed
from tests.support.dialogs import PHONE_CONTACT, make_answer, make_invite
from tests.support.stub_endpoint import StubEndpoint
from tests.support.transactions import UDP

OURS = "sip:gosip@192.0.2.1:5060"
C, P, A, R = ClientState.CALLING, ClientState.PROCEEDING, ClientState.ACCEPTED, ClientState.REFUSED
I = ClientInput  # noqa: E741
NO_TRANSACTION = cast(ClientTransaction, None)


class Bench:
    """A client whose INVITE is out, and what it told its listener."""

    def __init__(self, state: ClientState = C) -> None:
        self.endpoint = StubEndpoint()
        self.told: list[str] = []
        self.invite = make_invite(OURS)
        self.client = InviteClient(cast(Endpoint, self.endpoint), self.invite, UDP, self)
        self.client.start()
        for step in {C: (), P: (I.PROVISIONAL,), A: (I.SUCCESS,), R: (I.FAILURE,)}[state]:
            self.apply(step)
        assert self.client.state is state
        self.endpoint.sent.clear()
        self.told.clear()

    def apply(self, input_: ClientInput) -> None:
        self.receive({I.PROVISIONAL: 180, I.SUCCESS: 200, I.FAILURE: 486}[input_])

    def receive(
        self, status: int, tag: str = "callee", *, rseq: int | None = None, contact: str | None = PHONE_CONTACT
    ) -> None:
        response = make_answer(self.invite, status, contact, to_tag=tag)
        if rseq is not None:
            response.headers.set("Require", "100rel")
            response.headers.set("RSeq", str(rseq))
        self.client._receive(ResponseReceived(NO_TRANSACTION, response, UDP))

    def invite_progressed(self, response: Response) -> None:
        self.told.append(str(response.status))

    def invite_forked(self, dialog: Dialog) -> None:
        self.told.append(f"fork {dialog.id.remote_tag}")

    def invite_accepted(self, response: Response, dialog: Dialog) -> None:
        self.told.append(f"{response.status} {dialog.id.remote_tag}")

    def invite_refused(self, status: int, response: Response | None) -> None:
        self.told.append(f"refused {status}" + ("" if response is not None else " without a response"))


ROWS: list[tuple[ClientState, ClientInput, ClientState, list[str], list[str]]] = [
    (C, I.PROVISIONAL, P, [], ["180"]),  # RFC 3261 §13.2.2.1
    (C, I.SUCCESS, A, ["ACK"], ["200 callee"]),  # §13.2.2.4
    (C, I.FAILURE, R, [], ["refused 486"]),  # §13.2.2.3; its ACK is the transaction's
    (P, I.PROVISIONAL, P, [], ["180"]),
    (P, I.SUCCESS, A, ["ACK"], ["200 callee"]),
    (P, I.FAILURE, R, [], ["refused 486"]),
    (A, I.SUCCESS, A, ["ACK"], []),  # a repetition: acknowledged again, told once
    (R, I.SUCCESS, A, ["ACK"], ["200 callee"]),  # it comes after we gave up waiting: it is acknowledged all the same
]


@pytest.mark.parametrize(("state", "input_", "next_state", "sent", "told"), ROWS)
def test_row(
    state: ClientState, input_: ClientInput, next_state: ClientState, sent: list[str], told: list[str]
) -> None:
    bench = Bench(state)
    bench.apply(input_)
    assert bench.client.state is next_state
    assert (bench.endpoint.sent, bench.told) == (sent, told)


def test_the_rows_are_those_of_the_table() -> None:
    table = {(state, input_) for state, row in InviteClient.TABLE.items() for input_ in row}
    assert table == {row[:2] for row in ROWS}


@pytest.mark.parametrize(("state", "input_"), [(A, I.PROVISIONAL), (A, I.FAILURE), (R, I.PROVISIONAL), (R, I.FAILURE)])
def test_what_the_table_leaves_out_is_ignored(state: ClientState, input_: ClientInput) -> None:
    bench = Bench(state)
    bench.apply(input_)
    assert bench.client.state is state
    assert (bench.endpoint.sent, bench.told) == ([], [])


def test_a_100_is_no_news() -> None:
    bench = Bench()
    bench.receive(100)
    assert (bench.client.state, bench.told) == (C, [])


@pytest.mark.parametrize(("event", "told"), [(TimedOut, "refused 408"), (TransportFailed, "refused 503")])
def test_silence_and_no_way_are_refusals_of_nobody(event: type[TimedOut] | type[TransportFailed], told: str) -> None:
    """RFC 3261 §8.1.3.1."""
    bench = Bench()
    bench.client._receive(event(NO_TRANSACTION))
    assert bench.told == [f"{told} without a response"]


def test_each_user_agent_behind_a_proxy_is_a_dialog_of_its_own() -> None:
    """§13.2.2.4: every 2xx of another To tag is acknowledged in its own dialog."""
    bench = Bench()
    for tag in ("one", "two", "one"):
        bench.receive(200, tag)
    assert bench.told == ["200 one", "200 two"]
    assert [request.to.tag for request in bench.endpoint.requests if request.method == "ACK"] == ["one", "two", "one"]


def test_only_so_many_user_agents_are_answered() -> None:
    bench = Bench()
    for number in range(2 * MAX_ANSWERS):
        bench.receive(183, f"early-{number}", rseq=1)
    for number in range(2 * MAX_ANSWERS):
        bench.receive(200, f"late-{number}")
    assert bench.endpoint.sent.count("PRACK") == MAX_ANSWERS
    assert bench.endpoint.sent.count("ACK") == MAX_ANSWERS


def test_a_reliable_response_makes_an_early_dialog_that_the_200_confirms() -> None:
    bench = Bench()
    bench.receive(180, rseq=5)
    bench.receive(200)
    assert bench.told == ["fork callee", "180", "200 callee"]
    assert bench.endpoint.sent == ["PRACK", "ACK"]
    prack = bench.endpoint.requests[-2]
    assert prack.headers.get("RAck") == "5 10 INVITE"


def test_a_2xx_without_a_usable_contact_is_a_refusal() -> None:
    """There is nowhere to send the ACK."""
    bench = Bench()
    bench.receive(200, contact="*")
    assert (bench.client.state, bench.told, bench.endpoint.sent) == (R, ["refused 500"], [])


@pytest.mark.parametrize("state", ClientState)
def test_only_what_has_no_final_answer_is_cancelled(state: ClientState) -> None:
    bench = Bench(state)
    bench.client.cancel()
    assert bench.endpoint.sent == (["CANCEL"] if state in (C, P) else [])
