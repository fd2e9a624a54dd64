"""What executes the tables: one setter, which says what changed."""

from __future__ import annotations

import logging

import pytest

from sip_daemon.transaction.client_invite import ClientInviteTransaction
from sip_daemon.transaction.client_non_invite import ClientNonInviteTransaction
from sip_daemon.transaction.server_invite import ServerInviteTransaction
from sip_daemon.transaction.server_non_invite import ServerNonInviteTransaction
from sip_daemon.transaction.tables import Input, Machine, State
from sip_daemon.transaction.timers import TimerValues
from tests.support.transactions import UDP, make_request, make_response

MACHINES = [
    ClientInviteTransaction,
    ClientNonInviteTransaction,
    ServerInviteTransaction,
    ServerNonInviteTransaction,
]


def test_each_change_of_state_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    request = make_request("OPTIONS")
    machine = ServerNonInviteTransaction(request, UDP, 0.0, TimerValues(), key="z9hG4bKa")
    with caplog.at_level(logging.DEBUG, "sip_daemon.transaction"):
        machine.respond(make_response(request, 100), 0.0)
        machine.respond(make_response(request, 100), 0.0)
        machine.respond(make_response(request, 200), 0.0)
    assert [record.getMessage() for record in caplog.records] == [
        "ServerNonInviteTransaction z9hG4bKa: trying -> proceeding",
        "ServerNonInviteTransaction z9hG4bKa: proceeding -> completed",
    ]


@pytest.mark.parametrize("machine", MACHINES)
def test_nothing_follows_terminated(machine: type[Machine]) -> None:
    assert machine.TABLE[State.TERMINATED] == {}


@pytest.mark.parametrize("machine", MACHINES)
def test_every_state_that_is_reached_has_its_row(machine: type[Machine]) -> None:
    reached = {next_state for row in machine.TABLE.values() for next_state, _ in row.values()}
    assert reached <= set(machine.TABLE)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_timer_that_a_state_knows_is_on_its_clock(machine: type[Machine]) -> None:
    for state, row in machine.TABLE.items():
        timers = {input_ for input_ in row if input_.startswith("timer") or input_ is Input.TIMER_TRYING}
        assert timers == {clock for clock in machine.CLOCKS.get(state, ()) if clock is not None}


def test_a_timer_that_comes_early_does_nothing() -> None:
    machine = ServerInviteTransaction(make_request("INVITE"), UDP, 0.0, TimerValues())
    machine.handle_timer(0.1)
    assert machine.take_outputs() == []
    assert machine.next_timer() == 0.2


def test_the_roles_and_methods_are_told_apart() -> None:
    invite, options = make_request("INVITE"), make_request("OPTIONS")
    assert ClientInviteTransaction(invite, UDP, TimerValues()).is_invite
    assert not ClientNonInviteTransaction(options, UDP, TimerValues()).is_invite
    assert ServerInviteTransaction(invite, UDP, 0.0, TimerValues()).is_invite
    assert not ServerNonInviteTransaction(options, UDP, 0.0, TimerValues()).is_invite
